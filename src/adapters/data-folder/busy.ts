/** Another connection has a lock that is in the way: SQLITE_BUSY, https://sqlite.org/rescode.html#busy */
export function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && typeof error.errcode === 'number' && (error.errcode & 0xff) === 5;
}
