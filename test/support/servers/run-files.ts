import { readFile } from 'node:fs/promises';
import type { TestProject } from 'vitest/node';

/** The test files of this run, as paths: those that were asked for, where some were. */
export function filesOfRun(project: TestProject): readonly string[] {
  return project.vitest.state.getPaths();
}

/** Whether one of this run's test files has one of these words in it. */
export async function runHas(project: TestProject, ...words: readonly string[]): Promise<boolean> {
  const texts = await Promise.all(filesOfRun(project).map((file) => readFile(file, 'utf8')));
  return texts.some((text) => words.some((word) => text.includes(word)));
}
