import { spawnSync } from 'node:child_process';

/** Says which programs are missing here and how to get them; undefined when all are there. */
export function missingTools(): string | undefined {
  const missing = [
    { program: 'wrk', asks: '-v' },
    { program: 'nginx', asks: '-v' },
  ].filter(({ program, asks }) => spawnSync(program, [asks], { stdio: 'ignore' }).error !== undefined);
  if (missing.length === 0) return undefined;
  return `The benchmark needs ${missing.map(({ program }) => program).join(' and ')}, which ${missing.length === 1 ? 'is' : 'are'} not installed. On Debian and Ubuntu: apt-get install -y wrk nginx-light`;
}
