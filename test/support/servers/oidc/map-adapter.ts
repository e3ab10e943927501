import type { Adapter, AdapterPayload } from 'oidc-provider';

/** What one provider has given out, whichever keys it signs with by now. Each provider has its own, as each installation would: the library's is one for the process. */
export class ProviderRecords {
  readonly #records = new Map<string, AdapterPayload>();

  /** As the library wants it: one for each of its models. */
  readonly adapter = (model: string): Adapter => {
    const records = this.#records;
    const find = (fits: (payload: AdapterPayload) => boolean): AdapterPayload | undefined => [...records].find(([key, payload]) => key.startsWith(`${model}:`) && fits(payload))?.[1];
    return {
      upsert: async (id, payload) => void records.set(`${model}:${id}`, payload),
      find: async (id) => records.get(`${model}:${id}`),
      findByUserCode: async (userCode) => find((payload) => payload.userCode === userCode),
      findByUid: async (uid) => find((payload) => payload.uid === uid),
      consume: async (id) => {
        const payload = records.get(`${model}:${id}`);
        if (payload !== undefined) payload.consumed = Math.floor(Date.now() / 1000);
      },
      destroy: async (id) => void records.delete(`${model}:${id}`),
      revokeByGrantId: async (grantId) => {
        for (const [key, payload] of records) if (payload.grantId === grantId) records.delete(key);
      },
    };
  };
}
