import { describe, expect, it } from 'vitest';
import { listeningText, reachableUrl } from './first-steps.ts';

describe('where Keyhold listens', () => {
  it.each([
    ['127.0.0.1', 'Keyhold listens on http://127.0.0.1:8080'],
    ['::1', 'Keyhold listens on http://[::1]:8080'],
    ['10.0.0.7', 'Keyhold listens on http://10.0.0.7:8080'],
    ['0.0.0.0', 'Keyhold listens on every address of this machine (0.0.0.0), from here on http://127.0.0.1:8080'],
    ['::', 'Keyhold listens on every address of this machine (::), from here on http://[::1]:8080'],
  ])('%s is said as it is, not as loopback where others reach it too', (host, text) => {
    expect(listeningText(host, 8080, false)).toBe(text);
    expect(text).toContain(reachableUrl(host, 8080, false));
  });
});
