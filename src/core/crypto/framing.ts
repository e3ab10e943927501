const PREFIX_BYTES = 4;

/**
 * Several texts as one sequence of bytes that no other texts give: each as its UTF-8 length (four bytes, big-endian) and its
 * UTF-8 bytes (S13). The first part is always a format's name, which fixes how many follow and what they mean.
 */
export function frame(parts: readonly string[]): Buffer {
  return Buffer.concat(
    parts.flatMap((part) => {
      const bytes = Buffer.from(part, 'utf8');
      const length = Buffer.alloc(PREFIX_BYTES);
      length.writeUInt32BE(bytes.length);
      return [length, bytes];
    }),
  );
}
