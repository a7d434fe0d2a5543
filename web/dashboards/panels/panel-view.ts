import type { PageFacts } from '../../page-facts.ts';
import type { Annotated } from '../annotations.ts';
import type { Panel } from '../dashboard.ts';
import type { PanelData } from '../panel-data.ts';
import type { PanelMemory } from '../panel-memory.ts';

export type PanelContext = {
  panel: Panel;
  data: PanelData;
  facts: PageFacts;
  annotations: readonly Annotated[];
  /** Ends when the panel is redrawn or the person goes elsewhere. */
  signal: AbortSignal;
  interpolated: (text: string) => string;
  memory: PanelMemory;
  /** Shows another time; left out where the time is fixed. */
  onZoom?: ((start: number, end: number) => void) | undefined;
};

/** Draws into `body`, which is empty and has its size. */
export type DrawPanel = (body: HTMLElement, context: PanelContext) => void;
