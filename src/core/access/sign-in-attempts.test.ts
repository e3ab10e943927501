import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { TestClock } from '../../../test/support/credential-world.ts';
import { SignInAttempts } from './sign-in-attempts.ts';

const what = { issuer: 'https://login.example.com', fresh: false, returnTo: '/', previous: null };

describe('sign-ins under way (S23)', () => {
  it('come back to whichever replica, also one whose clock is behind, once, and not from the future', () => {
    const clock = new TestClock();
    const replica = (behindMs: number) => new SignInAttempts(Buffer.alloc(32, 7), { random: randomBytes, clock: { now: () => clock.now() - behindMs, monotonic: () => clock.monotonic() } });
    const [here, behind, wrong] = [replica(0), replica(20_000), replica(60_000)];
    const attempt = here.begin(what);
    expect(() => wrong.take(here.seal(attempt), attempt.state)).toThrow('Begin again');
    expect(behind.take(here.seal(attempt), attempt.state)).toEqual(attempt);
    expect(() => behind.take(here.seal(attempt), attempt.state)).toThrow('Begin again');
    clock.advance(600_001);
    expect(() => here.take(here.seal(attempt), attempt.state)).toThrow('Begin again');
  });
});
