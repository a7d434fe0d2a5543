/** Copies, and says on the button for a moment that it has; or that the browser does not let it. */
export async function copyText(text: string, button: HTMLElement): Promise<void> {
  const before = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = 'Copied ✓';
  } catch {
    // Without https or without permission: the text is there to be selected.
    button.textContent = 'Not allowed: select it';
  }
  setTimeout(() => {
    button.textContent = before;
  }, 2_000);
}
