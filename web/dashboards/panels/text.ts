import { renderMarkdown } from '../../markdown/render-markdown.ts';
import { ownLink } from '../own-link.ts';
import type { DrawPanel } from './panel-view.ts';

export const drawText: DrawPanel = (body, { panel, facts, interpolated }) => {
  body.append(renderMarkdown(interpolated(panel.options?.content ?? ''), (url) => ownLink(url, facts)));
  body.classList.add('prose');
};
