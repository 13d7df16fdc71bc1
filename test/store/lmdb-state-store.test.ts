import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LmdbStateStore } from '../../src/store/lmdb-state-store.js'
import { headKey, KEY_BYTES } from '../../src/store/log-keys.js'
import { type StateStoreHarness, stateStoreContract } from './state-store-contract.js'
import { flipBit, flipWhere } from './support/raw-environment.js'

const voterId = '0123456789abcdef'

function contract(name: string, blockBytes?: number): void {
  stateStoreContract(name, () => {
    const directory = mkdtempSync(join(tmpdir(), 'state-store-'))
    const path = join(directory, 'store-0000', 'state')
    const opened = () => new LmdbStateStore({ path, voterId, ...(blockBytes === undefined ? {} : { blockBytes }) })
    const key = new Uint8Array(KEY_BYTES)
    const harm = (how: () => void) => {
      harness.store.close()
      how()
      harness.store = opened()
    }
    const harness: StateStoreHarness = {
      store: opened(),
      reopen: () => harm(() => {}),
      damageHead: (group, copies) =>
        harm(() => {
          flipBit(path, headKey(key, group, 0), 200)
          if (copies === 2) flipBit(path, headKey(key, group, 1), 90)
        }),
      damageEntry: (_group, _machine, _key, value) => harm(() => flipWhere(path, value)),
      dispose() {
        harness.store.close()
        rmSync(directory, { recursive: true })
      },
    }
    return harness
  })
}

contract('the LMDB state store')
contract('the LMDB state store with tiny blocks', 200)
