import type { Presented } from '../../core/access/presented.ts';
import type { CanonicalTarget } from '../canonical-target.ts';
import type { HeaderRules } from '../header-choice.ts';
import type { RouteMatch } from '../route-table.ts';

/**
 * What was found out about a request's head, for every request of one connection that has the same. All of it follows from the head and the catalogue alone:
 * who may do what is decided anew each time.
 */
export class KnownHead {
  target: CanonicalTarget | undefined;
  presented: Presented | undefined;
  /** The key of the connection's request before, which is often the same where the rest of the head is not. */
  readonly before: Presented | undefined;
  route: RouteMatch | undefined;
  /** The caller's header lines that travel by these rules. */
  passing: { readonly rules: HeaderRules; readonly shared: boolean; readonly lines: string } | undefined;

  constructor(before?: Presented) {
    this.before = before;
  }
}
