/** For deliveries of usage that counts in no budget. */
export const noBudgets = { spend: async (): Promise<void> => {}, end: async (): Promise<void> => {} };
