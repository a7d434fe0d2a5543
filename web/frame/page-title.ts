// The browser's tab: how many alerts call somebody, what is shown, and whose page it is.

let shown = '';
let calling = 0;

/** What the view shows: a request's route, a dashboard's title. */
export function nameView(name: string): void {
  shown = name;
  write();
}

export function countInTitle(alerts: number): void {
  calling = alerts;
  write();
}

function write(): void {
  document.title = `${calling > 0 ? `(${calling}) ` : ''}${shown} · Vitrine`;
}
