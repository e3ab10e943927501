import type { Command } from 'commander';
import type { AdoptionOptions } from '../adoption/run-adoption.ts';
import type { Terminal } from '../terminal.ts';

interface DocumentOptions extends AdoptionOptions {
  readonly tenant: readonly string[];
  readonly service: readonly string[];
}

interface CosmosOptions extends DocumentOptions {
  readonly endpoint: string;
  readonly database: string;
  readonly container: string;
}

interface StoreOptions extends AdoptionOptions {
  readonly encryption?: string;
}

const afterwards = 'Copies of these values remain where they were found, and in its backups. Delete them there once nothing reads them, and replace the keys that matter at their providers.';

/** `keyhold adopt`: makes credentials of what exists already, without moving it (R6.3), over the API of a running Keyhold. */
export function addAdoptCommand(program: Command, terminal: Terminal, exit: (code: number) => void): void {
  const adopt = program.command('adopt').description('make credentials of what exists already, without moving it (docs/adoption.md)');
  withOptions(withRenames(adopt.command('file <documents>').description('from a JSON file with the documents of an earlier system'))).action(async (file: string, options: DocumentOptions) => {
    const [{ runAdoption }, { planDocuments }, { documentsInFile }, { renamesIn }] = await Promise.all([
      import('../adoption/run-adoption.ts'),
      import('../adoption/plan-documents.ts'),
      import('../../adapters/adoption-sources/documents-file.ts'),
      import('../adoption/renames.ts'),
    ]);
    const renames = renamesIn(options);
    exit(await runAdoption({ command: 'adopt file', plan: async () => planDocuments(await documentsInFile(file), renames), afterwards }, options, terminal));
  });
  withOptions(withRenames(adopt.command('cosmos').description('from the documents of an earlier system in Cosmos DB; the account\'s key comes from KEYHOLD_ADOPT_COSMOS_KEY')))
    .requiredOption('--endpoint <url>', 'the account, for example https://example.documents.azure.com:443/')
    .requiredOption('--database <name>', 'its database')
    .requiredOption('--container <name>', 'the container with the documents')
    .action(async ({ endpoint, database, container, ...options }: CosmosOptions) => {
      const [{ runAdoption }, { planDocuments }, { documentsInCosmos }, { renamesIn }, { adoptionCosmosKey }] = await Promise.all([
        import('../adoption/run-adoption.ts'),
        import('../adoption/plan-documents.ts'),
        import('../../adapters/adoption-sources/cosmos-documents.ts'),
        import('../adoption/renames.ts'),
        import('../adoption/cosmos-key.ts'),
      ]);
      const renames = renamesIn(options);
      const place = { endpoint, key: adoptionCosmosKey(), database, container };
      exit(await runAdoption({ command: 'adopt cosmos', plan: async () => planDocuments(await documentsInCosmos(place), renames), afterwards }, options, terminal));
    });
  withOptions(adopt.command('store <store>').description('what lies in vault or azure-key-vault under credentials\' names'))
    .option('--encryption <form>', 'how the values there are encrypted (fernet or cipher); left out, Fernet tokens are known by their looks')
    .action(async (store: string, { encryption, ...options }: StoreOptions) => {
      const [{ runAdoption }, { planNames, requireForm }] = await Promise.all([import('../adoption/run-adoption.ts'), import('../adoption/plan-names.ts')]);
      const form = requireForm(encryption);
      exit(await runAdoption({ command: `adopt store ${store}`, plan: (api) => planNames(api, store, form) }, options, terminal));
    });
}

function withRenames(command: Command): Command {
  const several = (value: string, before: readonly string[]): readonly string[] => [...before, value];
  return command
    .option('--tenant <old=new>', 'what a tenant of the documents is called here; may be given several times', several, [])
    .option('--service <old=new>', 'which service a provider of the documents is; may be given several times', several, []);
}

function withOptions(command: Command): Command {
  return command
    .option('--dry-run', 'show what would be adopted, and change nothing')
    .option('--create-tenants', 'make the tenants that are not there yet')
    .option('--no-read', 'do not read the values to check them and to show their last characters')
    .option('--report <file>', 'write the report as JSON to a new file, too')
    .option('--url <url>', 'where Keyhold runs (or KEYHOLD_URL)')
    .option('--token-file <file>', 'a file with a platform administrator\'s token (or KEYHOLD_TOKEN)')
    .allowExcessArguments(false)
    .addHelpText('after', '\nIt can be repeated: what is done is found as `already`. Exit status 1: something was refused or failed.');
}
