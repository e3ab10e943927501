const SHOWN = 4;
const SHORTEST = 20;

/**
 * What may be shown of a secret value so that its owner recognises it: the last 4 characters, nothing of a value under 20 (S22).
 * The empty text means that nothing is shown.
 */
export function secretHint(value: string): string {
  const characters = Array.from(value);
  return characters.length < SHORTEST ? '' : characters.slice(-SHOWN).join('');
}
