import assert from 'node:assert/strict';
import { placesFrom, placesOf, written } from '../../src/engine/places/place.ts';

const hash = 'a'.repeat(64);

describe('VITRINE_MODELS', () => {
  it('names places in their order: folders, prefixes of S3, archives', () => {
    const places = placesOf(
      ` models , file:///with%2Ccomma/a%20b,s3://bucket/some/prefix/,https://host/m.tar.gz?secret=1#sha256=${hash.toUpperCase()}`,
    );
    assert.deepEqual(
      places.map(({ kind, title }) => [kind, title]),
      [
        ['folder', 'models'],
        ['folder', '/with,comma/a b'],
        ['s3', 's3://bucket/some/prefix'],
        ['https', 'https://host/m.tar.gz'],
      ],
    );
    const archive = places[3]!;
    assert.ok(archive.kind === 'https');
    assert.deepEqual([archive.sha256, archive.url, archive.form], [hash, 'https://host/m.tar.gz?secret=1', 'tar.gz']);
  });

  it('refuses what is no place, in words that hold no secret', () => {
    const refused: [string, RegExp][] = [
      [' , ', /names no place; name a folder/],
      ['https://host/m.tar.gz', /m\.tar\.gz: it has no SHA-256; write #sha256=/],
      [`https://host/m.tar.gz#sha256=${hash.slice(1)}`, /no SHA-256/],
      [`https://host/m.rar#sha256=${hash}`, /no archive that can be read; give a \.tar\.gz/],
      [`https://user:secret@host/m.zip#sha256=${hash}`, /has a password/],
      ['http://host/m.tar.gz', /http:\/\/…: it is none of the places/],
      ['s3:///prefix', /no bucket/],
      ['s3://key:secret@bucket/prefix', /no bucket/],
      ['a,b,a', /names it twice/],
    ];
    for (const [models, sentence] of refused)
      assert.throws(
        () => placesOf(models),
        (error: Error) => sentence.test(error.message) && !error.message.includes('secret'),
        models,
      );
  });

  it('is seen from another folder as it was meant', () => {
    assert.equal(placesFrom('/root', 'models, s3://b/p,/abs'), '/root/models,s3://b/p,/abs');
    const [place] = placesOf(written('/one,two'));
    assert.ok(place?.kind === 'folder');
    assert.equal(place.folder, '/one,two');
  });
});
