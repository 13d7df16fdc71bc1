/** How one command or query ended; stands in reply records and in the results' digest, so the numbers stay. */
export const OutcomeStatus = {
  /** The payload is the result. */
  ok: 0,
  /** `execute` threw `Reject`, or no machine could take the command: the payload is the reason as UTF-8. */
  rejected: 1,
  /** Executed, but the result cannot be encoded; no payload. */
  notEncodable: 2,
  /** Executed, but the encoded result is above `maxResultBytes`; no payload. */
  tooLarge: 3,
  /** A query threw something else than `Reject`, or its machine has no `query`: the payload is the message as UTF-8. */
  queryFailed: 4,
  /** Executed or answered, but the port of the application that asked leaves too much unread; no payload. Never digested. */
  unread: 5,
} as const
export type OutcomeStatus = (typeof OutcomeStatus)[keyof typeof OutcomeStatus]

/** One object per machine set, overwritten by each command; the bytes may be those of an encoder: copy them at once. */
export interface Outcome {
  status: OutcomeStatus
  /** How `bytes` are to be decoded: a payload kind of the codec. */
  flags: number
  bytes: Uint8Array
}

/** What machines need of the codec; handed in, because this folder knows no encodings. */
export interface PayloadTools {
  /** Flags of a payload that is raw bytes. */
  readonly rawFlags: number
  /** The value of an encoded payload; it shares no byte with the source. Throws on malformed bytes. */
  decode(flags: number, bytes: Uint8Array, offset: number, length: number): unknown
  /** Throws if it cannot be encoded. Depends on `value` alone: its result goes into the digest that nodes compare. */
  encode(value: unknown): { readonly flags: number; readonly bytes: Uint8Array }
  /** Plain data as cbor, at most `maxBytes` of it; a view of memory that is shared with other such bytes. */
  encodePlain(value: unknown, maxBytes: number): Uint8Array
  /** What `encodePlain` has encoded; it shares no byte with the source. */
  decodePlain(bytes: Uint8Array): unknown
  /** A digest of one outcome, continued from `seed`: 32 bits, the same on every node. */
  digest(seed: number, status: number, bytes: Uint8Array): number
}
