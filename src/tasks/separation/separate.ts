import { createReadStream, createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { withAudio } from '../../audio/open-audio.ts';
import type { OpenedAudio } from '../../audio/opened-audio.ts';
import type { Planes } from '../../audio/planes.ts';
import { separatedSoundLimits } from '../../audio/sound-limits.ts';
import { wavBytes } from '../../audio/write-wav.ts';
import { ServiceError } from '../../errors.ts';
import { say } from '../../sentence.ts';
import { writeZip } from '../files/zip.ts';
import { Phases } from '../phases.ts';
import { DefectsMeter } from '../quality/output-defects.ts';
import { onlyFile } from '../task-files.ts';
import type { ParametersOf } from '../task-parameters.ts';
import type { TaskResult } from '../task-types.ts';
import type { TaskHands, TaskWork } from '../task-work.ts';
import { writeFacts } from '../write-facts.ts';
import { atModelRate } from './at-model-rate.ts';
import { separateInChunks } from './separate-in-chunks.ts';
import { Separator } from './separator.ts';
import { stemsWanted } from './stems-wanted.ts';
import { WavFile } from './wav-file.ts';

type Parameters = ParametersOf<'separate'>;

/**
 * A sound to its stems: decoded, separated in overlapping chunks and written as it goes, in memory
 * that does not depend on its length.
 */
export const separate: TaskWork<Parameters> = async (parameters, files, hands) => {
  if (!hands.model) throw new Error('Separation needs its model.');
  const separator = new Separator(hands.model, hands.infer);
  const wanted = stemsWanted(parameters, separator.stems);
  const upload = onlyFile(files);
  // The sound is opened in the step; what is done with it has steps of its own.
  return await hands.step('audio.decode', () =>
    withAudio(upload, separatedSoundLimits(hands.config), (audio) =>
      hands.step('work', async () => {
        const { written, frames, defects } = await separateToFiles(audio, separator, wanted, parameters, hands);
        const seconds = frames / audio.sampleRateHz;
        hands.measured({
          audioSeconds: seconds,
          fileBytes: upload.sizeBytes,
          defects,
          generatedSamples: frames * audio.channels * wanted.length,
        });
        if (defects.not_finite > 0)
          throw new ServiceError(
            'inference_failed',
            say`Cannot give the stems out: the model made samples that are no numbers; correct the model.`,
          );
        const facts = {
          model: hands.model?.name,
          stems: wanted,
          duration_seconds: seconds,
          sample_rate_hz: audio.sampleRateHz,
          channels: audio.channels,
          format: audio.format,
          encoding: parameters.encoding,
        };
        return pack(parameters, written, facts, hands);
      }),
    ),
  );
};

type Written = { readonly name: string; readonly contentType: string; readonly file: string };

async function separateToFiles(
  audio: OpenedAudio,
  separator: Separator,
  wanted: readonly string[],
  parameters: Parameters,
  hands: TaskHands,
) {
  const { folder, grown, progress, reserve, step } = hands;
  const { sampleRateHz, channels } = audio;
  const { encoding } = parameters;
  // Each stem as a file of its own, and all of them once more in the zip.
  const copies = formatOf(parameters) === 'zip' ? 2 : 1;
  const bytesFor = (frames: number) =>
    copies * (wanted.length * wavBytes(encoding, channels, frames) + wanted.length * zipEntryBytesMax);
  let room = audio.frames ?? Math.ceil(sampleRateHz * unknownSeconds);
  await reserve(bytesFor(room));
  await using opened = new AsyncDisposableStack();
  const outputs: { readonly stem: number; readonly wav: WavFile; readonly meter: DefectsMeter }[] = [];
  for (const name of wanted) {
    const wav = opened.use(
      await WavFile.create(join(folder, `${name}.wav`), { encoding, channels, sampleRateHz, frames: audio.frames }),
    );
    outputs.push({ stem: separator.stems.indexOf(name), wav, meter: new DefectsMeter(sampleRateHz) });
  }
  let frames = 0;
  for await (const stems of stemsOf(audio, separator, new Phases(hands))) {
    frames += stems[0]?.[0]?.length ?? 0;
    // Of a sound that does not say how long it is, or says too little.
    if (frames > room) {
      room = frames + Math.ceil(sampleRateHz * unknownSeconds);
      await reserve(bytesFor(room));
    }
    for (const { stem, wav, meter } of outputs) {
      const planes = stems[stem] ?? [];
      meter.add(planes);
      await step('files.stems', () => wav.add(planes));
    }
    // Several stems are answered together.
    if (wanted.length === 1) grown(outputs[0]!.wav.grown);
    progress(frames, audio.frames ?? 0, 'samples');
  }
  await step('files.stems', async () => {
    for (const { wav } of outputs) await wav.finish();
  });
  const defects = DefectsMeter.together(outputs.map(({ meter }) => meter));
  return {
    written: outputs.map(({ wav }, at) => ({ name: `${wanted[at]}.wav`, contentType: 'audio/wav', file: wav.path })),
    frames,
    defects,
  };
}

function stemsOf(
  { sampleRateHz, pieces: decoded }: OpenedAudio,
  separator: Separator,
  phases: Phases,
): AsyncIterable<readonly Planes[]> {
  const audio = { sampleRateHz, pieces: () => phases.timed('audio.decode', decoded()) };
  return atModelRate(audio, separator.sampleRateHz, (pieces) =>
    separateInChunks(pieces, separator.plan, (chunk) => separator.separate(chunk)),
  );
}

async function pack(
  parameters: Parameters,
  parts: readonly Written[],
  facts: Record<string, unknown>,
  { folder, step }: TaskHands,
): Promise<TaskResult> {
  const format = formatOf(parameters);
  const [first] = parts;
  switch (format) {
    case 'wav':
      if (!first || parts.length !== 1)
        throw new ServiceError(
          'invalid_input',
          say`Cannot answer with one WAV file: there are several stems; name one in the parameter stem.`,
        );
      return { contentType: 'audio/wav', file: first.file, fileName: first.name, parts, facts };
    case 'json':
      return {
        contentType: 'application/json',
        file: await writeFacts(folder, facts),
        fileName: 'separation.json',
        parts,
        facts,
      };
    case 'zip': {
      const file = join(folder, 'stems.zip');
      const entries = parts.map(({ name, file: path }) => ({
        name,
        bytes: createReadStream(path, { highWaterMark: 1 << 20 }),
      }));
      await step('files.zip', () => pipeline(writeZip(entries), createWriteStream(file, { flags: 'wx' })));
      return {
        contentType: 'application/zip',
        file,
        fileName: 'stems.zip',
        parts,
        facts: { ...facts, zip_bytes: (await stat(file)).size },
      };
    }
  }
}

function formatOf({ format, stem }: Parameters): 'wav' | 'json' | 'zip' {
  return format ?? (stem === undefined ? 'zip' : 'wav');
}

/** What room is asked for at a time for a sound of unknown length. */
const unknownSeconds = 60;
/** What a zip file has to say of an entry, and a file of facts of a stem. */
const zipEntryBytesMax = 4096;
