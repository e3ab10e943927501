import { type DeviceClient, signInByDevice } from '../../adapters/device-sign-in/device-sign-in.ts';
import type { Login } from '../../adapters/keyhold-logins/kept-logins.ts';
import { visibleText } from '../../adapters/log/visible-text.ts';
import type { Terminal } from '../terminal.ts';

/** Shows the person where to sign in, and waits until they have. Throws `StartError`. */
export async function askInBrowser(client: DeviceClient & { readonly name: string }, terminal: Terminal): Promise<Omit<Login, 'url'>> {
  const { accessToken, renewal } = await signInByDevice(client, ({ address, completeAddress, code }) => {
    terminal.error(`Sign in at ${visibleText(client.name)} in a browser, on this machine or another:\n\n  ${visibleText(completeAddress ?? address)}\n\nThe page must show this code, or asks for it: ${visibleText(code)}\n`);
  });
  return { token: accessToken, renewal };
}

/** Whom an access token says that it is of, for people; nothing is decided by it. */
export function subjectOf(accessToken: string): string {
  try {
    const payload: unknown = JSON.parse(Buffer.from(accessToken.split('.')[1] ?? '', 'base64url').toString());
    return typeof payload === 'object' && payload !== null && 'sub' in payload ? String(payload.sub) : 'that it has';
  } catch {
    return 'that it has';
  }
}
