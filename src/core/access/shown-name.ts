const LONGEST = 100;
/** Control characters and halves of others, which no database has to take, and those that turn the text around them. */
const NEVER = /[\p{Cc}\p{Cs}\p{Bidi_Control}]/gu;
const SOMETHING_TO_SEE = /[^\p{Z}\p{Cf}]/u;

/** As much of what an identity provider calls somebody as people can be shown, of so many characters at most; undefined: nothing of it. */
export function shownName(text: string, longest = LONGEST): string | undefined {
  const clean = Array.from(text.replaceAll(NEVER, '').trim()).slice(0, longest).join('').trim();
  return SOMETHING_TO_SEE.test(clean) ? clean : undefined;
}
