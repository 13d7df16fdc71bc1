import { expect, test } from '@jest/globals'
import { readFrame } from '../../src/codec/frame.js'
import { SEND_HEAD_BYTES, writeSend } from '../../src/codec/worker-records.js'
import type { Limits } from '../../src/host/limits.js'
import { Router } from '../../src/host/router.js'

const NODES = [1, 2, 3]
const limits = { maxFrameBytes: 1024 * 1024, maxMessageBytes: 1024 * 1024 } as Limits

function world() {
  const sent: { to: number; frame: Uint8Array; messages: string[] }[] = []
  const send = (to: number, frame: Uint8Array) => {
    const messages: string[] = []
    readFrame(
      frame,
      (group, offset, length) => {
        const first = frame[offset]
        expect(frame.subarray(offset, offset + length).every((byte) => byte === first)).toBe(true)
        messages.push(`${group}: ${length} of ${first}`)
      },
      limits,
    )
    sent.push({ to, frame, messages })
    return 'sent' as const
  }
  const losses = { out: () => undefined, in: () => undefined }
  const router = new Router(NODES, 1, { send }, limits, () => undefined, losses)
  /** `length` bytes of `fill` to the nodes. */
  const route = (group: number, to: readonly number[], length: number, fill: number) => {
    const record = new Uint8Array(8 + SEND_HEAD_BYTES + length)
    const view = new DataView(record.buffer)
    const mask = to.reduce((bits, node) => bits | (1 << NODES.indexOf(node)), 0)
    writeSend(view, 8, group, mask, 0)
    record.fill(fill, 8 + SEND_HEAD_BYTES)
    router.route(view, record, 8, SEND_HEAD_BYTES + length)
  }
  return { router, route, sent }
}

test('small messages of a turn share a frame for each peer', () => {
  const { router, route, sent } = world()
  route(0, [2, 3], 10, 1)
  route(1, [2], 20, 2)
  expect(sent).toEqual([])
  router.flush()
  expect(sent.map(({ to, messages }) => [to, messages])).toEqual([
    [2, ['0: 10 of 1', '1: 20 of 2']],
    [3, ['0: 10 of 1']],
  ])
  expect(router.counts).toMatchObject({ messagesOut: 3, framesOut: 2 })
})

test('a large message leaves in one frame for all peers, and overtakes nothing', () => {
  const { router, route, sent } = world()
  route(0, [2], 10, 1)
  route(0, [2, 3], 20_000, 2)
  route(0, [2, 3], 10, 3)
  router.flush()
  expect(sent.map(({ to, messages }) => [to, messages])).toEqual([
    [2, ['0: 10 of 1']],
    [2, ['0: 20000 of 2']],
    [3, ['0: 20000 of 2']],
    [2, ['0: 10 of 3']],
    [3, ['0: 10 of 3']],
  ])
  expect(sent[1]?.frame).toBe(sent[2]?.frame)
  expect(router.counts).toMatchObject({ messagesOut: 5, framesOut: 5, framesDropped: 0 })
})
