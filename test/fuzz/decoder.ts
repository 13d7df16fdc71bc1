/** What a decoder answers that refuses by a value, and not by a throw. */
export const REFUSED = Symbol('refused')

/** A decoder of bytes that nobody vouches for, as the fuzzer drives it. */
export interface Decoder<T = unknown> {
  readonly name: string
  /** Which exports it drives, `codec/messages.decodeMessage`: none of them may be missing in the table. */
  readonly covers: readonly string[]
  /** Valid encodings, recorded or made by the encoders. */
  seeds(): readonly Uint8Array[]
  /** The value, REFUSED, or a throw of an error of its own. */
  decode(bytes: Uint8Array): T | typeof REFUSED
  /** Of a value that came out of `decode`. */
  encode?(value: T): Uint8Array
  /** There is one encoding of each value and no other. */
  readonly canonical?: boolean
  /** Puts checksums right. */
  seal?(bytes: Uint8Array): void
  /** It reads a file: as many runs would take too long. */
  readonly slow?: boolean
  /** Names of the errors that it may end with; CodecError unless given. */
  readonly errors?: readonly string[]
}

/** So that a table of decoders of different values can be one list. */
export function decoder<T>(one: Decoder<T>): Decoder {
  return one as unknown as Decoder
}

/** Of a decoder that says by a string or by `undefined` what is wrong. */
export function unlessFlawed<T>(found: T | string | undefined): T | typeof REFUSED {
  return found === undefined || typeof found === 'string' ? REFUSED : found
}
