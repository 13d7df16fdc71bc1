import { describe, expect, test } from '@jest/globals'
import { encodeBuiltIn } from '../../src/codec/built-in-state.js'
import { EMPTY_BASE } from '../../src/core/durable.js'
import { chooseStart, type Found, type KeptState, keptState } from '../../src/worker/group-start.js'

const session = (opened: number) => ({
  origin: 1,
  incarnation: '00000000000000aa',
  opened,
  last: opened,
  floor: 1,
  done: [],
})

function kept(instance: number, externals: KeptState['builtIn']['externals'] = []): KeptState {
  return { instance, chain: instance * 7, digest: instance * 11, builtIn: { sessions: [session(instance)], externals } }
}

const NOTHING: Found = { state: undefined, checkpoints: [], hasMemory: false, hasState: false, externals: new Map() }

const at = (instance: number) => ({ executedUpTo: instance, chain: instance * 7, sessions: [session(instance)] })

describe('a group begins', () => {
  test('at the beginning where nothing was kept', () => {
    expect(chooseStart({ ...NOTHING, hasMemory: true })).toMatchObject({ base: EMPTY_BASE, memoryAt: 0, digestUpTo: 0 })
    expect(chooseStart({ ...NOTHING, hasState: true })).toMatchObject({ base: EMPTY_BASE, storedAt: 0 })
  })

  test('with stored machines at the position of their state, whatever checkpoints there are', () => {
    const found = { ...NOTHING, hasState: true, state: kept(50), checkpoints: [kept(60), kept(40)] }
    expect(chooseStart(found)).toMatchObject({ base: at(50), storedAt: 50, memoryAt: 0, digest: 550, digestUpTo: 50 })
  })

  test('with machines in memory at the newest checkpoint', () => {
    const found = { ...NOTHING, hasMemory: true, checkpoints: [kept(60), kept(40)] }
    expect(chooseStart(found)).toMatchObject({ base: at(60), memoryAt: 60, digest: 660, digestUpTo: 60 })
  })

  test('with both where the one that is behind stands; the digest is that of the other', () => {
    const found = { ...NOTHING, hasMemory: true, hasState: true, state: kept(50), checkpoints: [kept(40), kept(30)] }
    expect(chooseStart(found)).toMatchObject({ base: at(40), memoryAt: 40, storedAt: 50, digest: 550, digestUpTo: 50 })
    const lagging = { ...found, state: kept(35) }
    expect(chooseStart(lagging)).toMatchObject({
      base: at(35),
      memoryAt: 40,
      storedAt: 35,
      digest: 440,
      digestUpTo: 40,
    })
  })

  test('with a stored state that was lost at the beginning, and not at a checkpoint that it is not filled from', () => {
    const found = { ...NOTHING, hasState: true, checkpoints: [kept(40)] }
    expect(chooseStart(found).base).toEqual(EMPTY_BASE)
  })

  test('where an external machine is as far as it was when the position was kept', () => {
    const state = kept(50, [{ machine: 3, instance: 48, index: 2 }])
    const ahead = { ...NOTHING, hasState: true, state, externals: new Map([[3, { instance: 70, index: 0 }]]) }
    expect(chooseStart(ahead)).toMatchObject({ base: at(50), behind: [] })
    const same = { ...ahead, externals: new Map([[3, { instance: 48, index: 2 }]]) }
    expect(chooseStart(same)).toMatchObject({ base: at(50), behind: [] })
  })

  test('at the beginning where an external machine is behind that, and says which', () => {
    const state = kept(50, [{ machine: 3, instance: 48, index: 2 }])
    const found = { ...NOTHING, hasState: true, state, externals: new Map([[3, { instance: 48, index: 1 }]]) }
    expect(chooseStart(found)).toMatchObject({ base: EMPTY_BASE, behind: [3] })
  })
})

test('a kept position is read with its built-in state', () => {
  const builtIn = { sessions: [session(3)], externals: [] }
  const position = { executedUpTo: 5, chain: 1, digest: 2, builtIn: encodeBuiltIn(builtIn) }
  expect(keptState(position)).toEqual({ instance: 5, chain: 1, digest: 2, builtIn })
})
