import { createHash } from 'node:crypto';
import { HELD_MS, type HeldAsk, type LimitLeases, type WindowAnswer, type WindowAsk } from '../../ports/limit-leases.ts';
import type { RedisConnection } from '../redis/redis-connection.ts';

/**
 * One window as a hash: its number, and what was given out of it. Redis' clock decides which window it is. A number does not go back where that clock steps back by less than a window; by more it does, since what is limited to a second
 * would be limited to as long as it takes the clock to come there again. What `lease-table.ts`
 * does in memory, in one step for all that ask.
 */
const WINDOW = script(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local length, max, need, surplus = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local window = math.floor(now / length)
local used = 0
local kept = redis.call('HMGET', KEYS[1], 'window', 'used')
if kept[1] and tonumber(kept[1]) >= window and tonumber(kept[1]) <= window + 1 then
  window = tonumber(kept[1])
  used = tonumber(kept[2])
end
if tonumber(ARGV[5]) == window then used = math.max(0, used - tonumber(ARGV[6])) end
used = used + tonumber(ARGV[7])
local left = math.max(0, max - used)
local needed = math.min(need, left)
local granted = needed + math.min(surplus, math.floor((left - needed) / 16))
used = used + granted
local ends = (window + 1) * length - now
redis.call('HSET', KEYS[1], 'window', string.format('%.0f', window), 'used', string.format('%.0f', used))
redis.call('PEXPIRE', KEYS[1], math.floor(ends + length))
return { granted, window, ends, left - granted }`);

/** Who holds how many, and until when that counts, which is never longer than from now on, also where the clock was set back. */
const HELD = script(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local max, open, want, lasts = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local others = 0
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  if all[i] ~= ARGV[1] then
    local count, till = string.match(all[i + 1], '^(%d+):(%d+)$')
    if tonumber(till) <= now then
      redis.call('HDEL', KEYS[1], all[i])
    else
      others = others + tonumber(count)
      if tonumber(till) > now + lasts then redis.call('HSET', KEYS[1], all[i], string.format('%s:%.0f', count, now + lasts)) end
    end
  end
end
local count = math.max(open, math.min(want, max - others))
if count == 0 then
  redis.call('HDEL', KEYS[1], ARGV[1])
else
  redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f:%.0f', count, now + lasts))
  redis.call('PEXPIRE', KEYS[1], lasts)
end
return count`);

interface Script {
  readonly text: string;
  readonly sha: string;
}

/** The account in Redis, for replicas on several machines. Names begin with the installation's, so that several share one Redis. */
export function createRedisLeases({ commands }: Pick<RedisConnection, 'commands'>, installation: string): LimitLeases {
  const run = async ({ text, sha }: Script, key: string, values: readonly (string | number)[]): Promise<unknown> => {
    const given = { keys: [`keyhold:${installation}:limit:${key}`], arguments: values.map(String) };
    try {
      return await commands.evalSha(sha, given);
    } catch (error) {
      // Redis was started anew, or has never seen it.
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
      return commands.eval(text, given);
    }
  };

  return {
    kind: 'redis',
    async window({ key, windowMs, max, need, surplus, back, beyond }: WindowAsk): Promise<WindowAnswer> {
      const [granted, window, leftMs, left] = numbers(await run(WINDOW, key, [windowMs, max, need, surplus, back.window, back.amount, beyond]), 4);
      return { granted: granted ?? 0, window: window ?? 0, leftMs: leftMs ?? 0, left: left ?? 0 };
    },
    async held({ key, max, holder, open, want }: HeldAsk): Promise<number> {
      const [count] = numbers([await run(HELD, key, [holder, max, open, want, HELD_MS])], 1);
      return count ?? 0;
    },
  };
}

function script(text: string): Script {
  return { text, sha: createHash('sha1').update(text).digest('hex') };
}

function numbers(answer: unknown, count: number): readonly number[] {
  if (Array.isArray(answer) && answer.length === count && answer.every((value): value is number => typeof value === 'number')) return answer;
  throw new Error('Redis answered something else than was asked for.');
}
