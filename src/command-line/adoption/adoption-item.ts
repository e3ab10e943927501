/** The body of a request to adopt, as `POST …/adopt` takes it. */
export interface AdoptionBody {
  readonly legacyValue?: string;
  readonly inStore?: string;
  readonly place?: string;
  readonly encryption?: 'cipher' | 'fernet' | 'none';
  readonly settings?: Readonly<Record<string, unknown>>;
}

/** What there is to adopt: of whom, from where, and how it is asked for. */
export interface AdoptionItem {
  /** Where it was found, for people: `document 3`, `tenants/acme/api-keys/openai`. */
  readonly from: string;
  /** null: the platform. */
  readonly tenant: string | null;
  readonly service: string;
  readonly label: string;
  readonly body: AdoptionBody;
}

/** What is not adopted, and why. */
export interface LeftItem {
  /** `refused`: it cannot be adopted as it is. `skipped`: it is nothing to adopt. */
  readonly outcome: 'refused' | 'skipped';
  readonly from: string;
  readonly tenant: string | null;
  readonly service: string;
  readonly label: string;
  readonly reason: string;
}

export interface AdoptionPlan {
  readonly items: readonly AdoptionItem[];
  readonly left: readonly LeftItem[];
}
