import { fail } from './codec-error.js'

/**
 * The catalogue of the ring records between the host and a worker. Each is a fixed head, whose layout stands at its
 * writer, and for some a tail up to the end of the record. Host and worker are one build in one process, so there is
 * no version; heads are read in place, and only what is stored beyond the record is copied.
 */
export const RECORD_KIND = {
  // Control inbox, host to worker.
  message: 1,
  link: 2,
  read: 3,
  stop: 4,
  tune: 5,
  ports: 6,
  // Command inbox, host to worker.
  command: 16,
  commands: 17,
  // Outbox, worker to host.
  send: 32,
  reply: 33,
  ended: 34,
  queryReply: 35,
  timer: 36,
  status: 37,
  event: 38,
} as const

export type RecordKind = (typeof RECORD_KIND)[keyof typeof RECORD_KIND]

/** In place of a group: all groups of the worker. */
export const ALL_GROUPS = 0xffff

/** A record too short for its head, or a head with a word that no writer writes: the ring is not to be trusted. */
export function checkRecord(view: DataView, offset: number, length: number, headBytes: number): void {
  if (!(offset >= 0 && offset + length <= view.byteLength)) fail('TRUNCATED', 'a record lies beyond its ring')
  if (length < headBytes) fail('TRUNCATED', `a record of ${length} bytes, its head has ${headBytes}`)
}

/** Of a list of words, the one with this number. */
export function wordAt<T>(words: readonly T[], number: number, what: string): T {
  const word = words[number]
  return word === undefined ? fail('MALFORMED', `unknown ${what} ${number}`) : word
}

export function numberOf<T>(words: readonly T[], word: T, what: string): number {
  const number = words.indexOf(word)
  return number < 0 ? fail('NOT_ENCODABLE', `unknown ${what} ${String(word)}`) : number
}
