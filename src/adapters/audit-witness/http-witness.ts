import { Agent, fetch, type Response } from 'undici';
import { connectorOf, type Way } from '../../egress/connector.ts';
import type { AuditWitness, WitnessAnswer, WitnessRequest } from '../../ports/audit-witness.ts';
import { KeyholdError } from '../../ports/errors.ts';

const ANSWER_MS = 5_000;
/** A line of a signature has a few hundred bytes. */
const LARGEST_ANSWER = 64 * 1024;
/** A size as a witness says it: a decimal and a newline. */
const SIZE = /^(0|[1-9][0-9]{0,15})\n$/;

/**
 * A witness that speaks C2SP's tlog-witness over HTTP, at a submission prefix without a slash at its end. Redirects are not followed; an
 * answer has 5 s and 64 KiB. Nothing secret goes there.
 */
export function createHttpWitness(url: string, way: Way): AuditWitness {
  const dispatcher = new Agent({ allowH2: false, connections: 1, connect: connectorOf(way, { timeout: ANSWER_MS }) });
  return {
    place: url,
    addCheckpoint: async (request) => {
      try {
        return await answerOf(await fetch(`${url}/add-checkpoint`, { method: 'POST', body: bodyOf(request), redirect: 'manual', dispatcher, signal: AbortSignal.timeout(ANSWER_MS) }));
      } catch (cause) {
        if (cause instanceof KeyholdError) throw cause;
        throw new KeyholdError('unavailable', 'The witness cannot be reached, or did not answer in time.', { cause });
      }
    },
  };
}

/** The request's body, line by line. */
export function bodyOf({ oldSize, proof, checkpoint }: WitnessRequest): string {
  return [`old ${oldSize}`, ...proof.map((hash) => hash.toString('base64')), '', checkpoint].join('\n');
}

async function answerOf(response: Response): Promise<WitnessAnswer> {
  const { status } = response;
  if (status === 200) return { state: 'cosigned', lines: await textOf(response) };
  if (status === 409) {
    const [, size] = SIZE.exec(await textOf(response)) ?? [];
    if (size === undefined || !Number.isSafeInteger(Number(size))) throw new KeyholdError('unavailable', 'The witness said that it has seen another size, and not which.');
    return { state: 'elsewhere', size: Number(size) };
  }
  await response.body?.cancel();
  return { state: 'refused', status };
}

async function textOf({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body ?? []) {
    bytes += chunk.length;
    if (bytes > LARGEST_ANSWER) throw new KeyholdError('unavailable', 'The witness answers more than a witness has to say.');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
