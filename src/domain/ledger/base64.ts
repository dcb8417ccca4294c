/**
 * Base64 (RFC 4648, section 4, padded) with exactly one spelling for each value. Decoders are lenient: Node's own accepts
 * a signature with other last bits, without padding or with white space, and all of those would be different files.
 */

/** Undefined for every text but the one that encoding the bytes gives. */
export function decodeBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : undefined;
}
