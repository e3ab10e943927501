import type { Reporter, TestModule } from 'vitest/node';

/** With `CI=true` a test that was skipped fails the run: nobody reads there that it was. */
export class NothingSkipped implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    if (process.env['CI'] !== 'true') return;
    const skipped = modules.flatMap((module) => [...module.children.allTests('skipped')].map((test) => `  ${module.relativeModuleId}: ${test.fullName}`));
    if (skipped.length === 0) return;
    process.stderr.write(`\nThese tests were skipped, which CI takes for a failure. Install what they need:\n${skipped.join('\n')}\n`);
    process.exitCode = 1;
  }
}
