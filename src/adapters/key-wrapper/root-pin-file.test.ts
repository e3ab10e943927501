import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { rootPinFile } from './root-pin-file.ts';

const commitment = '0123456789abcdef'.repeat(4);

let folder: string;
let file: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'keyhold-root-pin-'));
  file = path.join(folder, 'keyhold.key');
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

function refusal(exitCode: number, ...parts: readonly string[]): unknown {
  return expect.objectContaining({ name: 'StartError', exitCode, message: expect.toSatisfy((message: string) => parts.every((part) => message.includes(part))) });
}

describe('S12: the pin of the root key', () => {
  it('R0.1 is a file of its own, written once', async () => {
    const pin = rootPinFile(file, randomBytes);
    expect(pin.place).toBe(`${file}.root`);
    expect(await pin.read()).toBeUndefined();
    await pin.write(commitment);
    expect(await readFile(`${file}.root`, 'utf8')).toBe(`${commitment}\n`);
    expect((await stat(`${file}.root`)).mode & 0o777).toBe(0o600);
    expect(await rootPinFile(file, randomBytes).read()).toBe(commitment);
    await pin.write(commitment);
    await expect(pin.write('f'.repeat(64))).rejects.toThrow(refusal(6, 'pins another root key'));
    expect(await pin.read()).toBe(commitment);
  });

  it('S15 is treated with the same care as the key file', async () => {
    const pin = rootPinFile(file, randomBytes);
    await pin.write(commitment);
    await chmod(`${file}.root`, 0o644);
    await expect(pin.read()).rejects.toThrow(refusal(6, `chmod 600 '${file}.root'`));
    await rm(`${file}.root`);
    for (const content of ['', `${commitment}\n\n`, commitment.slice(1), commitment.toUpperCase()]) {
      await writeFile(`${file}.root`, content, { mode: 0o600 });
      await expect(pin.read()).rejects.toThrow(refusal(6, `${file}.root`, 'backup'));
    }
    await rm(`${file}.root`);
    await symlink(file, `${file}.root`);
    await expect(pin.read()).rejects.toThrow(refusal(6, 'symbolic link'));
    await expect(pin.write(commitment)).rejects.toThrow(refusal(6, 'symbolic link'));
  });
});
