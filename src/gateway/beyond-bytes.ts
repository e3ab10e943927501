/** What of a body makes a request more than its bytes tell. Plain data: it crosses to and from a worker. */
export interface BeyondBytesFacts {
  /** The provider reads what nobody can count beforehand: an address that it fetches, a tool of its own that searches or runs, a document, sound or film. */
  readonly readsMore: boolean;
  /** Pictures that stand in the body itself. Each is more tokens than its bytes: an empty one takes few of these. */
  readonly pictures: number;
  readonly hasTools: boolean;
  /** A text is given that the answer may repeat; of it the provider bills what the answer did not use, too (https://platform.openai.com/docs/guides/predicted-outputs). */
  readonly predicts: boolean;
}

/** Types, anywhere, of what runs at the provider and brings in what nobody has sent. */
const READING = /^(?:web_search|web_fetch|file_search|code_interpreter|code_execution|computer_use|image_generation|mcp|tool_search|compact_\d)/;
/** Types of tools that the caller runs. All others are the provider's own, those included that are not known here yet. */
const CALLERS_TOOL = /^(?:function|custom|local_shell|apply_patch|(?:bash|text_editor|computer|memory)_\d+)$/;
/** A tool without a type is the caller's if it has nothing but what describes one (https://docs.anthropic.com/en/api/messages#body-tools). */
const DESCRIBES: ReadonlySet<string> = new Set(['name', 'description', 'input_schema', 'input_examples', 'cache_control', 'strict', 'defer_loading', 'eager_input_streaming', 'function']);

/** Letters of an address that tell what it is. */
export const ADDRESS_BEGINNING = 16;

/** Gathers them while a body is read. */
export class BeyondBytes implements BeyondBytesFacts {
  readsMore = false;
  pictures = 0;
  hasTools = false;
  predicts = false;

  get facts(): BeyondBytesFacts {
    const { readsMore, pictures, hasTools, predicts } = this;
    return { readsMore, pictures, hasTools, predicts };
  }

  /** By its first letters. */
  address(beginning: string): void {
    if (beginning.startsWith('data:image/')) this.pictures += 1;
    else this.readsMore = true;
  }

  /** What kind of content stands beside it. Of a text the bytes count. */
  mediaType(beginning: string): void {
    if (beginning.startsWith('image/')) this.pictures += 1;
    else if (!beginning.startsWith('text/')) this.readsMore = true;
  }

  type(value: string): void {
    if (READING.test(value)) this.readsMore = true;
  }

  /** One element of `tools`, with all its keys and the values of `type` among them. */
  tool(keys: readonly string[], types: readonly string[]): void {
    this.hasTools = true;
    const isCallers = types.length === 0 ? keys.every((key) => DESCRIBES.has(key)) : types.every((type) => CALLERS_TOOL.test(type));
    if (!isCallers) this.readsMore = true;
  }
}
