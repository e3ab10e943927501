import { KeyholdError } from '../ports/errors.ts';
import { ADDRESS_BEGINNING, BeyondBytes } from './beyond-bytes.ts';
import type { BodyFacts, Span, StreamOptionsFact } from './body-facts.ts';
import { type CompiledRules, foldKey, KeyMeaning, type KeyRule } from './body-rules.ts';
import { JsonText } from './json-text.ts';

const MAX_MODELS = 64;
const MAX_REFERENCES = 16;
const MODEL_NAME = /^[\x21-\x7e]{1,256}$/;
const MAX_END_USER = 256;

/** Far above what any model makes, and small enough to be multiplied. */
const MAX_BOUND = 1_000_000_000;

/** What a key says of any value but null and false. */
const WHATEVER_IT_IS = KeyMeaning.opens | KeyMeaning.prediction | KeyMeaning.wholeReference;

/** What a list hands on to its elements. */
function elementMeaning(meaning: number): number {
  const handedOn = meaning & (KeyMeaning.model | KeyMeaning.reference | KeyMeaning.typedId | KeyMeaning.tools);
  return (meaning & KeyMeaning.bareId) === 0 ? handedOn : handedOn | KeyMeaning.typedId;
}

/**
 * Reads a request's body once: checks that it is JSON, finds what decides on routing, streaming and price with its byte offsets,
 * and collects what refers to the account. Nothing is built from what is not looked for.
 *
 * `text` holds one character per byte of UTF-8 (latin1), so that indexes are byte offsets. Throws `invalid_argument` for what is
 * not JSON, for a policy-relevant key that stands twice or in another spelling (S8), and for values of the wrong type in those.
 */
export function scanBody(text: string, rules: CompiledRules): BodyFacts {
  return new BodyScan(text, rules).body();
}

class BodyScan {
  readonly #json: JsonText;
  readonly #rules: CompiledRules;
  readonly #otherModels: string[] = [];
  readonly #references: string[] = [];
  readonly #seen = new Set<string>();
  #model: string | null = null;
  #modelSpan: Span | null = null;
  #stream = false;
  #streamOptions: StreamOptionsFact | null = null;
  #endUser: string | null = null;
  #maxOutputTokens = 0;
  #choices = 1;
  #prompts = 1;
  readonly #beyond = new BeyondBytes();

  constructor(text: string, rules: CompiledRules) {
    this.#json = new JsonText(text);
    this.#rules = rules;
  }

  body(): BodyFacts {
    const json = this.#json;
    json.space();
    if (!json.at('{')) throw refused('must be a JSON object');
    const firstKeyAt = json.position + 1;
    const empty = this.#members((rule) => this.#topLevel(rule));
    json.end();
    return {
      model: this.#model,
      modelSpan: this.#modelSpan,
      otherModels: this.#otherModels,
      stream: this.#stream,
      streamOptions: this.#streamOptions,
      maxOutputTokens: this.#maxOutputTokens === 0 || Number.isNaN(this.#maxOutputTokens) ? null : this.#maxOutputTokens,
      choices: Number.isNaN(this.#choices) ? null : this.#choices * this.#prompts,
      ...this.#beyond.facts,
      endUser: this.#endUser,
      references: this.#references,
      firstKeyAt,
      empty,
    };
  }

  /** Reads an object from its brace on; `member` reads one value. Tells whether the object was empty. */
  #members(member: (rule: KeyRule) => void): boolean {
    const json = this.#json;
    const { longestKey, known, ruleOf } = this.#rules;
    json.open('{');
    if (json.closes('}')) return true;
    do {
      const rule = json.key(longestKey, known, ruleOf);
      json.colon();
      member(rule);
    } while (json.comma('}'));
    return false;
  }

  #topLevel({ key, exact, meaning }: KeyRule): void {
    if (exact !== undefined) {
      if (key !== exact) throw refused(`has the key ${JSON.stringify(key.slice(0, 64))}, which some providers read as "${exact}". Write it as "${exact}"`);
      if (this.#seen.has(key)) throw refused(`has the key "${key}" twice. Send it once`);
      this.#seen.add(key);
    }
    switch (key) {
      case 'model':
        this.#topModel();
        return;
      case 'stream':
        this.#streamFlag();
        return;
      case 'stream_options':
        this.#options();
        return;
      case 'max_tokens':
      case 'max_completion_tokens':
      case 'max_output_tokens':
        this.#maxOutputTokens = Math.max(this.#maxOutputTokens, this.#bound());
        return;
      case 'n':
      case 'best_of':
        this.#choices = Math.max(this.#choices, this.#bound());
        return;
      case 'prompt':
        this.#prompt(meaning);
        return;
      case 'user':
        if (this.#json.at('"')) this.#endUser = endUser(this.#json.stringValue());
        else this.#value(0, false, '');
        return;
      case 'metadata':
        this.#metadata();
        return;
      default:
        this.#value(meaning, false, key);
    }
  }

  #topModel(): void {
    const json = this.#json;
    if (json.at('n')) {
      json.literal();
      return;
    }
    if (!json.at('"')) throw refused('has a "model" that is not a text');
    const start = json.position;
    this.#model = modelName(json.stringValue());
    this.#modelSpan = { start, end: json.position };
  }

  /** A number that bounds what is made; 0 for `null` and `false`, which are nothing, and NaN, which stays, for what providers read differently. */
  #bound(): number {
    const json = this.#json;
    if (json.at('"') || json.at('{') || json.at('[')) {
      this.#value(0, true, '');
      return Number.NaN;
    }
    const isNothing = json.at('n') || json.at('f');
    const value = json.literal() ?? 0;
    if (isNothing) return 0;
    return value <= 0 ? Number.NaN : Math.min(Math.ceil(value), MAX_BOUND);
  }

  /** Of several prompts each has answers of its own. One can also be a list of numbers. */
  #prompt(meaning: number): void {
    const json = this.#json;
    if (!json.at('[')) {
      this.#value(meaning, false, 'prompt');
      return;
    }
    let prompts = 0;
    json.open('[');
    if (json.closes(']')) return;
    do {
      if (json.at('"') || json.at('[')) prompts += 1;
      this.#value(elementMeaning(meaning), false, 'prompt');
    } while (json.comma(']'));
    this.#prompts = Math.max(1, prompts);
  }

  #streamFlag(): void {
    const json = this.#json;
    if (json.at('t')) this.#stream = true;
    else if (!json.at('f') && !json.at('n')) throw refused('has a "stream" that is neither true nor false');
    json.literal();
  }

  #options(): void {
    const json = this.#json;
    const start = json.position;
    if (!json.at('{')) {
      const kind = json.at('n') ? 'null' : 'other';
      this.#value(0, false, '');
      this.#streamOptions = { span: { start, end: json.position }, kind, empty: false, includeUsage: null };
      return;
    }
    let includeUsage: StreamOptionsFact['includeUsage'] = null;
    const empty = this.#members(({ key, folded }) => {
      if (folded !== 'include_usage') {
        this.#value(0, false, '');
        return;
      }
      if (includeUsage !== null || key !== 'include_usage') throw refused('has "include_usage" twice, or in another spelling');
      const from = json.position;
      const asked = json.at('t');
      this.#value(0, false, '');
      includeUsage = { span: { start: from, end: json.position }, asked };
    });
    this.#streamOptions = { span: { start, end: json.position }, kind: 'object', empty, includeUsage };
  }

  /** Anthropic has the end user in `metadata.user_id`. */
  #metadata(): void {
    if (!this.#json.at('{')) {
      this.#value(0, true, '');
      return;
    }
    this.#members(({ key }) => {
      if (key === 'user_id' && this.#json.at('"')) this.#endUser ??= endUser(this.#json.stringValue());
      else this.#value(0, true, '');
    });
  }

  /** One value; `meaning` is that of its key, `freeForm` says that nothing below is looked at. */
  #value(meaning: number, freeForm: boolean, key: string): void {
    const json = this.#json;
    if ((meaning & WHATEVER_IT_IS) !== 0 && !freeForm && !json.at('n') && !json.at('f')) {
      if ((meaning & KeyMeaning.opens) !== 0) this.#beyond.readsMore = true;
      if ((meaning & KeyMeaning.prediction) !== 0) this.#beyond.predicts = true;
      if ((meaning & KeyMeaning.wholeReference) !== 0) this.#refers(key);
    }
    if (json.at('"')) {
      if (freeForm || (meaning & (KeyMeaning.model | KeyMeaning.reference | KeyMeaning.address | KeyMeaning.mediaType)) === 0) json.skipString();
      else if (meaning === KeyMeaning.address) this.#beyond.address(json.stringBeginning(ADDRESS_BEGINNING));
      else if (meaning === KeyMeaning.mediaType) this.#beyond.mediaType(json.stringBeginning(ADDRESS_BEGINNING));
      else this.#meantText(meaning, key);
    } else if (json.at('{')) {
      json.deeper();
      this.#object(meaning, freeForm || (meaning & KeyMeaning.freeForm) !== 0, key);
      json.shallower();
    } else if (json.at('[')) {
      json.deeper();
      this.#array(elementMeaning(meaning), freeForm || (meaning & KeyMeaning.freeForm) !== 0, key);
      json.shallower();
    } else {
      const nothing = json.at('n') || json.at('f');
      json.literal();
      if (!freeForm && !nothing && (meaning & KeyMeaning.reference) !== 0) this.#refers(key);
    }
  }

  #meantText(meaning: number, key: string): void {
    const text = this.#json.stringValue();
    if ((meaning & KeyMeaning.reference) !== 0) this.#refers(key);
    if ((meaning & KeyMeaning.model) === 0) return;
    if (this.#otherModels.length >= MAX_MODELS) throw refused(`names more than ${MAX_MODELS} models`);
    this.#otherModels.push(modelName(text));
  }

  #array(meaning: number, freeForm: boolean, key: string): void {
    const json = this.#json;
    json.open('[');
    if (json.closes(']')) return;
    do {
      this.#value(meaning, freeForm, key);
    } while (json.comma(']'));
  }

  #object(meaning: number, freeForm: boolean, key: string): void {
    if (freeForm) {
      this.#members(() => this.#value(0, true, ''));
      return;
    }
    let hasId = false;
    let types = 0;
    let oddType = false;
    const tool = (meaning & KeyMeaning.tools) === 0 ? undefined : { keys: [] as string[], types: [] as string[] };
    this.#members(({ key: inner, meaning: innerMeaning }) => {
      tool?.keys.push(inner);
      if ((innerMeaning & KeyMeaning.type) !== 0) {
        types += 1;
        if (this.#json.at('"')) {
          const type = this.#json.stringValue();
          tool?.types.push(type);
          this.#type(type);
        } else {
          oddType = true;
          this.#value(0, false, '');
        }
        return;
      }
      if ((innerMeaning & KeyMeaning.id) !== 0) hasId ||= this.#json.at('"');
      // An object of models has one for each purpose (Groq: `compound_custom.models`).
      this.#value(innerMeaning | (meaning & KeyMeaning.model), false, inner);
    });
    if (tool !== undefined) this.#beyond.tool(tool.keys, tool.types);
    // A `type` that stands twice, or is no text, is one the provider may not see (S8).
    const untyped = types !== 1 || oddType;
    const isReference = (meaning & KeyMeaning.bareId) !== 0 || ((meaning & KeyMeaning.typedId) !== 0 && untyped);
    if (hasId && isReference) this.#refers(`${key}.id`);
  }

  #type(value: string): void {
    this.#beyond.type(value);
    if (this.#rules.referenceTypes.has(value)) this.#refers(`type=${value}`);
  }

  #refers(what: string): void {
    const folded = foldKey(what);
    if (this.#references.length < MAX_REFERENCES && !this.#references.includes(folded)) this.#references.push(folded);
  }
}

/** A copy: a piece of the body's text would keep all of it alive for as long as the name is, in usage events above all. */
function modelName(text: string): string {
  if (!MODEL_NAME.test(text)) throw refused('names a model that is no model\'s name: up to 256 printable ASCII characters without spaces');
  return Buffer.from(text, 'latin1').toString('latin1');
}

const WITHOUT_CONTROLS = /^[\u0020-\u007e\u0080-\uffff]+$/;

/** Kept only where every store can keep it as it is. */
function endUser(text: string): string | null {
  return text.length <= MAX_END_USER && text.isWellFormed() && WITHOUT_CONTROLS.test(text) ? Buffer.from(text, 'utf8').toString('utf8') : null;
}

function refused(what: string): KeyholdError {
  return new KeyholdError('invalid_argument', `The request body ${what}.`);
}
