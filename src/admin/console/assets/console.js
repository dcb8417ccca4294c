/**
 * What the console does beyond plain pages: keys for those who want them, and a session that does not lapse under the
 * hands of somebody who is writing. Without this file every page still works.
 */

// Keys: j and k walk through the list of the page, Enter follows the link that has the focus, as it always does.

const SWITCH = 'sentinelops.keyboard';
const isOn = () => localStorage.getItem(SWITCH) !== 'off';

const links = () => [
  ...document.querySelectorAll(
    '[data-keyboard-list] > * > h2 > a, [data-keyboard-list] > tr > th > a',
  ),
];

function walk(step) {
  const all = links();
  const at = all.indexOf(document.activeElement);
  const next = at === -1 ? (step > 0 ? 0 : all.length - 1) : at + step;
  all[next]?.focus();
}

const help = document.getElementById('keyboard-help');

const keys = {
  j: () => walk(1),
  k: () => walk(-1),
  u: () => document.querySelector('[data-keyboard-up]')?.click(),
  '?': () => help.showModal(),
};

document.addEventListener('keydown', (event) => {
  const isTyping = event.target.closest('input, select, textarea, [contenteditable]');
  if (isTyping || help.open || event.ctrlKey || event.metaKey || event.altKey || !isOn()) return;
  const act = Object.hasOwn(keys, event.key) ? keys[event.key] : undefined;
  if (act === undefined) return;
  event.preventDefault();
  act();
});

const helpButton = document.querySelector('[data-keyboard-help]');
helpButton.hidden = false;
helpButton.addEventListener('click', () => help.showModal());

const keyboardSwitch = document.querySelector('[data-keyboard-switch]');
keyboardSwitch.checked = isOn();
keyboardSwitch.addEventListener('change', () => {
  localStorage.setItem(SWITCH, keyboardSwitch.checked ? 'on' : 'off');
});

// A session lapses after 15 minutes without use. Writing a justification is use, so the server is told of it.

const TELL_EVERY_MS = 240_000;
let toldAt = Date.now();

for (const form of document.querySelectorAll('[data-keep-alive]')) {
  form.addEventListener('input', () => {
    if (Date.now() - toldAt < TELL_EVERY_MS) return;
    toldAt = Date.now();
    const body = new URLSearchParams({ form_token: form.elements.form_token.value });
    // When it fails, the next input tries again after a while; sending the form says what is wrong.
    fetch('/console/still-here', { method: 'POST', body }).catch(() => {});
  });
}
