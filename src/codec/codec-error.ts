/**
 * What a decoder found in bytes that it must not trust, or an encoder in a value that it cannot write. An expected
 * condition: the caller drops the frame or refuses the command. Test for it by `code`.
 */
export type CodecErrorCode =
  | 'TRUNCATED'
  | 'TOO_LARGE'
  | 'MALFORMED'
  | 'UNKNOWN_KIND'
  | 'UNKNOWN_VERSION'
  | 'BAD_CHECKSUM'
  | 'NOT_ENCODABLE'

export class CodecError extends Error {
  readonly code: CodecErrorCode

  constructor(code: CodecErrorCode, what: string, cause?: unknown) {
    super(what, cause === undefined ? undefined : { cause })
    this.name = 'CodecError'
    this.code = code
  }
}

/** A call, so that the throw stays out of the functions that the compiler should inline. */
export function fail(code: CodecErrorCode, what: string, cause?: unknown): never {
  throw new CodecError(code, what, cause)
}
