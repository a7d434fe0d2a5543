import { emptyNotice } from '../../dom/notice.ts';
import { logTable } from '../../request/log-table.ts';
import type { DrawPanel } from './panel-view.ts';

export const drawLogs: DrawPanel = (body, { panel, data }) => {
  if (data.logs.length === 0) {
    body.append(emptyNotice('No lines in this time.'));
    return;
  }
  const lines = panel.options?.sortOrder === 'Ascending' ? [...data.logs].reverse() : data.logs;
  body.append(logTable(lines, { label: panel.title ?? 'Log lines' }));
};
