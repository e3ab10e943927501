import type { BodyRules } from '../core/catalog/service.ts';
import { Spellings } from './spellings.ts';

/** What a key's value means to the scan; bits, since one key can mean several things. */
export const KeyMeaning = {
  model: 1,
  reference: 2,
  bareId: 4,
  freeForm: 8,
  type: 16,
  id: 32,
  /** An element in the list of a `bareId` key: of the many kinds that have an id there, `type` tells which is a reference. */
  typedId: 64,
  /** Its text is an address that the provider fetches, if it is one at all. */
  address: 128,
  /** Its text says of which kind the content beside it is. */
  mediaType: 256,
  /** The tools of a request, each an object. */
  tools: 512,
  /** The provider reads more for it than what stands there. */
  opens: 1024,
  prediction: 2048,
  /** A reference whatever stands there. */
  wholeReference: 4096,
} as const;

/** What a key says, whatever its value. */
export interface KeyRule {
  readonly key: string;
  readonly folded: string;
  readonly meaning: number;
  /** At the top level it may stand once, in this spelling (S8); undefined: as often as it likes. */
  readonly exact: string | undefined;
}

/** Body rules in the form the scan looks them up in. */
export interface CompiledRules {
  /** What was found out so far, with `ruleOf`. */
  readonly known: Spellings<KeyRule>;
  readonly ruleOf: (key: string) => KeyRule;
  readonly referenceTypes: ReadonlySet<string>;
  /** Keys longer than this mean nothing. */
  readonly longestKey: number;
}

/** Besides the models: what decides on streaming, and what bounds the price. */
const ONCE = ['stream', 'stream_options', 'max_tokens', 'max_completion_tokens', 'max_output_tokens', 'n', 'best_of', 'prompt', 'user', 'metadata'];

/** Where both formats have the address of an image, a file or a server of tools, or its content in an address of its own. */
const ADDRESSES = ['url', 'image_url', 'file_url', 'audio_url', 'video_url', 'document_url', 'server_url', 'file_data'];

/** Sound and pictures of other shapes, and what makes providers search: OpenAI, OpenRouter, xAI, Groq, Cohere, Azure. */
const OPENING = ['input_audio', 'images', 'web_search_options', 'plugins', 'search_parameters', 'compound_custom', 'connectors', 'data_sources', 'dataSources'];

export function compileRules(rules: BodyRules): CompiledRules {
  const meanings = new Map<string, number>();
  const add = (keys: readonly string[], meaning: number): void => {
    for (const key of keys) meanings.set(foldKey(key), (meanings.get(foldKey(key)) ?? 0) | meaning);
  };
  add(rules.modelKeys, KeyMeaning.model);
  add(rules.referenceKeys, KeyMeaning.reference);
  add(rules.wholeReferenceKeys ?? [], KeyMeaning.wholeReference);
  add(rules.bareIdKeys, KeyMeaning.bareId);
  add(rules.freeFormKeys, KeyMeaning.freeForm);
  add(['type'], KeyMeaning.type);
  add(['id'], KeyMeaning.id);
  add(ADDRESSES, KeyMeaning.address);
  add(['media_type'], KeyMeaning.mediaType);
  add(['tools'], KeyMeaning.tools);
  add(OPENING, KeyMeaning.opens);
  add(['prediction'], KeyMeaning.prediction);
  const once = new Map([...rules.modelKeys, ...ONCE].map((key) => [foldKey(key), key]));
  const longestKey = Math.max(...[...meanings.keys(), ...once.keys()].map((key) => key.length));
  const ruleOf = (spelling: string): KeyRule => {
    // A copy: a piece of a body keeps all of it alive.
    const key = Buffer.from(spelling, 'utf8').toString('utf8');
    const folded = foldKey(key);
    return { key, folded, meaning: meanings.get(folded) ?? 0, exact: once.get(folded) };
  };
  return { known: new Spellings(), ruleOf, referenceTypes: new Set(rules.referenceTypes), longestKey };
}

/** Some providers' JSON readers take keys without regard to case (Go's does, with Unicode folding: `ſtream` is `stream`). */
export function foldKey(key: string): string {
  return /^[\x20-\x7e]*$/.test(key) ? key.toLowerCase() : key.toUpperCase().toLowerCase();
}
