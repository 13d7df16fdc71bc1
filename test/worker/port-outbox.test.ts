import { beforeEach, describe, expect, test } from '@jest/globals'
import { RECORD_KIND, ReplyReader, readEnded, readQueryReply } from '../../src/codec/worker-records.js'
import { allocateDoorbell } from '../../src/ring/doorbell.js'
import { MessageReader } from '../../src/ring/fragments.js'
import { allocatePortMemory, KEPT_RINGS, openPortEnd, openPortSourceEnd } from '../../src/ring/port-memory.js'
import { OutcomeStatus } from '../../src/state-machine/outcome.js'
import { PortOutbox } from '../../src/worker/port-outbox.js'

const RING_BYTES = 4096
const ok = (length: number) => ({ status: OutcomeStatus.ok, flags: 0, bytes: new Uint8Array(length) })

let outbox: PortOutbox
let reader: MessageReader

beforeEach(() => {
  const bells = { workerBell: allocateDoorbell(), portBell: allocateDoorbell() }
  const memory = allocatePortMemory(RING_BYTES, bells)
  outbox = new PortOutbox(openPortSourceEnd(memory).outbox)
  reader = new MessageReader(openPortEnd(memory).outbox, { maxMessageBytes: 1 << 20 })
})

/** What the port reads until nothing more comes: of each result its number, status and length. */
function readAll(): (readonly [number, number, number] | string)[] {
  const found: (readonly [number, number, number] | string)[] = []
  const replies = new ReplyReader()
  for (let before = -1; before < found.length || outbox.isClogged; ) {
    before = found.length
    outbox.publish()
    while (reader.next()) {
      const { kind, view, bytes, offset, length } = reader
      if (kind === RECORD_KIND.ended) found.push(`ended ${readEnded(view, offset, length).sequence}`)
      else if (kind === RECORD_KIND.queryReply) {
        const { token, outcome, status } = readQueryReply(view, offset, length)
        found.push(`read ${token} ${outcome} ${status}`)
      } else {
        replies.read(view, bytes, offset, length)
        while (replies.next()) found.push([replies.sequence, replies.status, replies.length])
      }
    }
    reader.release()
  }
  return found
}

function reply(number: number, ...lengths: number[]): void {
  outbox.beginReply(0, number, 9, 3)
  for (const length of lengths) outbox.addReply(ok(length))
  outbox.endReply()
}

describe('what leaves a worker for a port', () => {
  test('arrives as it was written, the large in parts', () => {
    reply(1, 10, 20, 3_000, 30, 9_000)
    outbox.ended(0, 6, 2, 'dropped')
    outbox.answer(0, 7, ok(100))
    outbox.unanswered(0, 8, 'restarted')
    expect(readAll()).toEqual([
      [1, 0, 10],
      [2, 0, 20],
      [3, 0, 3_000],
      [4, 0, 30],
      [5, 0, 9_000],
      'ended 6',
      'read 7 answered 0',
      'read 8 restarted 0',
    ])
    expect(outbox.isClogged).toBe(false)
  })

  test('is kept in order while nobody reads, and nothing more is taken in meanwhile', () => {
    for (let number = 1; number <= 20; number++) {
      reply(number, 500)
      outbox.publish()
    }
    expect(outbox.isClogged).toBe(true)
    expect(readAll()).toEqual(Array.from({ length: 20 }, (_, i) => [1 + i, OutcomeStatus.ok, 500]))
    expect(outbox.isClogged).toBe(false)
  })

  test('is bounded: above it results give way to the word that there was one', () => {
    const count = 200
    for (let number = 1; number <= count; number++) reply(number, 500)
    outbox.answer(0, 1, ok(500))
    outbox.ended(0, 500, 1, 'dropped')
    const found = readAll()
    expect(found).toHaveLength(count + 2)
    const results = found.slice(0, count) as (readonly [number, number, number])[]
    expect(results.map(([number]) => number)).toEqual(Array.from({ length: count }, (_, i) => 1 + i))
    const whole = results.filter(([, status, length]) => status === OutcomeStatus.ok && length === 500).length
    // The ring itself, and what is kept beside it.
    expect(whole * 540).toBeGreaterThan(KEPT_RINGS * RING_BYTES)
    expect(whole * 540).toBeLessThan((KEPT_RINGS + 2) * RING_BYTES)
    expect(results.slice(whole).every(([, status, length]) => status === OutcomeStatus.unread && length === 0)).toBe(
      true,
    )
    expect(found.slice(count)).toEqual([`read 1 answered ${OutcomeStatus.unread}`, 'ended 500'])
  })

  test('lets its thread sleep only if the port rings when there is room again', () => {
    expect(outbox.mayRest).toBe(true)
    for (let number = 1; number <= 20; number++) reply(number, 500)
    outbox.publish()
    expect(outbox.mayRest).toBe(true)
    while (reader.next());
    reader.release()
    // There is room: to sleep now would be for ever.
    expect(outbox.mayRest).toBe(false)
    readAll()
    expect(outbox.mayRest).toBe(true)
  })

  test('goes nowhere when the port is gone', () => {
    for (let number = 1; number <= 20; number++) reply(number, 500)
    outbox.close()
    reply(21, 500)
    expect(outbox.isClogged).toBe(false)
    expect(outbox.mayRest).toBe(true)
  })
})
