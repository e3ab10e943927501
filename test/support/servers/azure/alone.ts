import { startAzureServer } from './server.ts';

/*
 * `npm run test:azure-server`: the server alone, for trying things. It prints what to export for Keyhold (or any Azure SDK) and runs
 * until Ctrl-C; then everything in it is gone.
 */

const azure = await startAzureServer();
const lines = Object.entries(azure.environment()).map(([name, value]) => `export ${name}=${value}`);
console.log(`An Azure Key Vault for tests, empty, in memory, until Ctrl-C. In another terminal:\n\n${lines.join('\n')}\n`);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void azure.close());
