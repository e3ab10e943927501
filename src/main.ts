import { runCommandLine } from './command-line/run.ts';
import { processTerminal } from './command-line/terminal.ts';

const terminal = processTerminal();
const exitCode = await runCommandLine(process.argv.slice(2), terminal);
terminal.exit(exitCode);
