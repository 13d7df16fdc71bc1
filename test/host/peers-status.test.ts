import { expect, test } from '@jest/globals'
import type { HostedGroup } from '../../src/host/hosted-group.js'
import { PeersStatus } from '../../src/host/peers-status.js'

const status = { state: 'running', chosenUpTo: 7, lastAccepted: 7, chain: 1, leader: 65_537 }
const group = { index: 0, status } as unknown as HostedGroup
const up = (): boolean => true

test('a change is told once, and then there is silence', () => {
  let told = 0
  const peers = new PeersStatus(
    [2],
    [group],
    () => told++,
    () => undefined,
  )
  peers.changed(group)
  for (let i = 0; i < 3; i++) peers.tick(up)
  expect(told).toBe(1)
})

test('what is lost on its way is told again, until it gets through', () => {
  let losses = 3
  let told = 0
  let wanted = 0
  const send = (peer: number): void => {
    if (losses-- > 0) peers.lost(peer)
    else told++
  }
  const peers = new PeersStatus([2], [group], send, () => wanted++)
  peers.changed(group)
  for (let i = 0; i < 6; i++) peers.tick(up)
  expect(told).toBe(1)
  expect(wanted).toBe(4)
})
