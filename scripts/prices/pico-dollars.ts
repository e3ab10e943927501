/**
 * Dollars a million tokens (as the package has them, in floating point) as whole pico-dollars a token. The shortest decimal that is the number is what was
 * meant, and is taken digit by digit; what is finer than a pico-dollar is rounded half up. As no price is that fine but by division, it is less than a hundred-thousandth of it.
 */
export function picoDollars(perMillion: number): number {
  const [, whole = '', fraction = '', exponent = '0'] = /^(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(String(perMillion)) ?? [];
  if (whole === '') throw new Error(`Not a price: ${perMillion}`);
  const digits = BigInt(whole + fraction);
  const places = 6 - fraction.length + Number(exponent);
  const pico = places >= 0 ? digits * 10n ** BigInt(places) : (digits + 10n ** BigInt(-places) / 2n) / 10n ** BigInt(-places);
  return Number(pico);
}
