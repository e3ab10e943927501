import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { handOver, makeTenant } from '../support/api.ts';
import { startProduct, temporaryFolder } from '../support/product.ts';
import { hasPython, pythonWithCryptography } from '../support/python.ts';
import { readStoredState } from '../support/stored-state.ts';

const page = await readFile(new URL('../../docs/sealing-format.md', import.meta.url), 'utf8');
const program = /```python\n([^`]*)```/.exec(page)?.[1] ?? '';
const published = /```json\n([^`]*)```/.exec(page)?.[1] ?? '';

/** Prints what is wrong with the vectors as the page's program reads them, a line each. */
const reading = `
import copy, json, sys
v = json.load(sys.stdin)
root_id, key_record = v["rootId"], v["dataKey"]

def check(name, is_so):
    if not is_so: print(name)

def everything(v, root):
    record = v["dataKey"]
    key = data_key(root, v["rootId"], record)
    return [read(key, record["id"], value) for value in v["values"]]

def opened(v):
    return everything(v, root_by(key_file_key(v["keyFile"]), v["rootId"], v["wrappedRootKey"]))

texts = [value["text"] for value in v["values"]]
root = root_by(key_file_key(v["keyFile"]), root_id, v["wrappedRootKey"])
key = data_key(root, root_id, key_record)
check("values", opened(v) == texts)
check("root commitment", root_commitment(root, root_id) == v["rootCommitment"])
check("data key commitment", data_key_commitment(key, key_record) == key_record["commitment"])
check("passphrase", root_by(passphrase_key(v["passphrase"]["passphrase"], v["passphrase"]["line"]), root_id, v["passphrase"]["wrappedRootKey"]) == root)
check("by a service", root_from_service(base64.b64decode(v["byService"]), root_id) == root)
kept = base64.b64encode(b"\\x01" + bytes([0, 0, 1, 2]) + b"ciphertext").decode()
check("for Vault", for_vault(kept) == "vault:v258:" + base64.b64encode(b"ciphertext").decode())
kept = base64.b64encode(b"\\x01" + bytes(range(16)) + b"ciphertext").decode()
check("for Azure", for_azure(kept) == ("000102030405060708090a0b0c0d0e0f", b"ciphertext"))

def refused(name, changed):
    try:
        opened(changed)
        print("not refused: " + name)
    except Exception:
        pass

def changes(sealed):
    sealed = base64.b64decode(sealed)
    for index in range(len(sealed)):
        changed = bytearray(sealed)
        changed[index] ^= 1 << index % 8
        yield f"byte {index}", base64.b64encode(bytes(changed)).decode()

for part, name in [(lambda v: v, "wrappedRootKey"), (lambda v: v["dataKey"], "wrapped"), (lambda v: v["values"][0], "sealed"), (lambda v: v["values"][1], "sealed")]:
    for what, text in changes(part(v)[name]):
        changed = copy.deepcopy(v)
        part(changed)[name] = text
        refused(f"{name}, {what}", changed)
for part, name, other in [
    (lambda v: v, "rootId", "root_0001020304050608"),
    *((lambda v: v["dataKey"], name, other) for name, other in [("scope", "platform"), ("tenant", "beta"), ("id", "dk_2")]),
    *((lambda v: v["values"][0], name, other) for name, other in [("scope", "platform"), ("tenant", "beta"), ("service", "openaid"), ("label", "eu"), ("field", "api_key2"), ("version", 2)]),
]:
    changed = copy.deepcopy(v)
    part(changed)[name] = other
    refused(f"another {name}", changed)
print("done")
`;

/** Prints the one value of a database, given the rows that lead to it. */
const readingRows = `
import json, sys
v = json.load(sys.stdin)
root = root_by(key_file_key(v["keyFile"]), v["root"]["rootId"], v["root"]["wrappings"][0]["wrapped"])
assert root_commitment(root, v["root"]["rootId"]) == v["root"]["commitment"] == v["pin"].strip()
print(read(data_key(root, v["root"]["rootId"], v["dataKey"]), v["dataKey"]["id"], v["value"]))
`;

describe.skipIf(!hasPython())('S12, S13: the Python program of docs/sealing-format.md', () => {
  it('reads every published vector, and nothing of which one byte of a layer, or what it is bound to, was changed', { timeout: 240_000 }, async () => {
    const python = await pythonWithCryptography();
    expect(await python(program + reading, published)).toBe('done\n');
  });

  it('reads what the product has kept, given its database and its key file', { timeout: 240_000 }, async () => {
    const python = await pythonWithCryptography();
    const dataDir = await temporaryFolder();
    try {
      const product = await startProduct({ dataDir });
      await handOver(await makeTenant(product, 'acme'), 'openai', 'sk-test-read-by-another-program');
      await product.stop();
      const [keyFile, pin] = await Promise.all(['keyhold.key', 'keyhold.key.root'].map((name) => readFile(join(dataDir, 'data', name), 'utf8')));
      const database = new DatabaseSync(join(dataDir, 'data', 'keyhold.db'), { readOnly: true });
      const bodyOf = (sql: string): object => JSON.parse(String(database.prepare(sql).get()?.['body'])) as object;
      const place = { scope: 'tenant', tenant: 'acme' };
      const rows = {
        root: bodyOf("SELECT body FROM platform WHERE name = 'root'"),
        dataKey: { ...place, id: 'dk_1', ...bodyOf("SELECT body FROM data_keys WHERE scope = 'tenant:acme' AND id = 'dk_1'") },
      };
      database.close();
      const [stored] = readStoredState(dataDir).sealedValues;
      const value = { ...place, service: 'openai', label: 'default', field: 'api_key', version: stored?.version, sealed: stored?.record.fields['api_key'] };
      expect(await python(program + readingRows, JSON.stringify({ keyFile, pin, ...rows, value }))).toBe('sk-test-read-by-another-program\n');
    } finally {
      await rm(dataDir, { recursive: true, force: true });
    }
  });
});
