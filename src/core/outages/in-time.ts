/** What was waited for has not come in time; it may still come. */
export class NotInTime extends Error {
  constructor(ms: number) {
    super(`it did not answer within ${ms} ms`);
    this.name = 'NotInTime';
  }
}

/** What the work comes to, if it does within so many milliseconds; otherwise rejects with `NotInTime`, and the work goes on. */
export async function inTime<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new NotInTime(ms)), ms).unref();
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
    // Whoever waits for it has been told, or nobody does any more.
    work.catch(() => undefined);
  }
}
