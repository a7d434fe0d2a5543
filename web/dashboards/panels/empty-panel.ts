import { emptyNotice } from '../../dom/notice.ts';
import type { Panel } from '../dashboard.ts';

/**
 * In the place of what a panel would draw: what the dashboard says of that, where it says more than
 * a dash.
 */
export function emptyPanel({ fieldConfig, description = '' }: Panel, otherwise = 'No data in this time.'): HTMLElement {
  const { noValue = '' } = fieldConfig?.defaults ?? {};
  // The dashboards say of some panels what has to happen first.
  const [until = ''] = /\bEmpty until [^.]+\./.exec(description) ?? [];
  return emptyNotice(noValue.length > 3 ? noValue : `${otherwise} ${until}`.trim());
}
