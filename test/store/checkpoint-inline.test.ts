import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { type InlineState, readInline, writeInline } from '../../src/store/checkpoint-inline.js'
import { inlineStatePath, saveOfMachine, savesPath, settleCheckpoints } from '../../src/store/checkpoint-layout.js'
import { clearRemoved } from '../../src/store/checkpoint-removal.js'

let root: string

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'checkpoint-inline-'))
})
afterEach(() => rmSync(root, { recursive: true }))

const u32 = fc.nat(0xffffffff)
const states: fc.Arbitrary<InlineState> = fc.record({
  position: fc.record({
    executedUpTo: fc.maxSafeNat(),
    chain: u32,
    digest: u32,
    builtIn: fc.uint8Array({ maxLength: 200 }),
  }),
  snapshots: fc
    .uniqueArray(fc.record({ machine: fc.nat(0xffff), bytes: fc.uint8Array({ maxLength: 200 }) }), {
      selector: ({ machine }) => machine,
    })
    .map((snapshots) => snapshots.sort((a, b) => a.machine - b.machine)),
})

test('comes out as it went in', () => {
  const path = join(root, 'inline')
  fc.assert(
    fc.property(states, (state) => {
      writeInline(path, state)
      const { position, snapshots } = readInline(path)
      const own = (bytes: Uint8Array) => [...bytes]
      expect({ ...position, builtIn: own(position.builtIn) }).toEqual({
        ...state.position,
        builtIn: own(state.position.builtIn),
      })
      expect(snapshots.map(({ machine, bytes }) => [machine, own(bytes)])).toEqual(
        state.snapshots.map(({ machine, bytes }) => [machine, own(bytes)]),
      )
    }),
    { numRuns: 60 },
  )
})

test('every flipped bit and every cut is noticed', () => {
  const path = join(root, 'inline')
  const position = { executedUpTo: 77, chain: 5, digest: 6, builtIn: Uint8Array.of(1, 2, 3) }
  writeInline(path, { position, snapshots: [{ machine: 2, bytes: Uint8Array.of(9, 9) }] })
  const sound = readFileSync(path)
  const damages = [
    ...Array.from({ length: sound.length * 8 }, (_, bit) => {
      const bytes = Uint8Array.from(sound)
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      return bytes
    }),
    ...Array.from({ length: sound.length }, (_, length) => sound.subarray(0, length)),
  ]
  for (const bytes of damages) {
    writeFileSync(path, bytes)
    expect(() => readInline(path)).toThrow(expect.objectContaining({ code: 'CHECKPOINT_DAMAGED' }))
  }
  rmSync(path)
  expect(() => readInline(path)).toThrow(expect.objectContaining({ code: 'CHECKPOINT_DAMAGED' }))
})

test('what a former life has left for a checkpoint is gone after the start', () => {
  writeInline(inlineStatePath(root, 12), {
    position: { executedUpTo: 12, chain: 0, digest: 0, builtIn: new Uint8Array(0) },
    snapshots: [],
  })
  const save = saveOfMachine(savesPath(root, 12), 7)
  mkdirSync(save, { recursive: true })
  writeFileSync(join(save, 'file'), 'x')
  mkdirSync(join(root, 'incoming'))
  expect(existsSync(join(root, 'inline-12'))).toBe(true)
  settleCheckpoints(root)
  clearRemoved(root)
  expect(readdirSync(root)).toEqual(['incoming'])
})
