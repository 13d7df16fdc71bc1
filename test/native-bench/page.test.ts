import { Script } from 'node:vm'
import { describe, expect, test } from '@jest/globals'
import { reportPage } from '../../native-bench/html/page.js'
import { run } from './runs.js'

const runs = [
  ...[10, 100].flatMap((callers) => [
    run({ callers }, { commandsPerSecond: callers * 100 }),
    run({ callers }, { commandsPerSecond: callers * 200 }, { subject: 'floor', agreement: undefined }),
  ]),
  run(
    { data: '/tmp/</script><img src=x>' },
    {},
    {
      series: 'another',
      agreement: { agree: false, executed: 3, differences: ['group 0: chain is 1 on node 1, 2 on node 2'] },
    },
  ),
]
const page = reportPage(runs)

function script(id: string): string {
  return new RegExp(`<script type="application/json" id="${id}">(.*?)</script>`, 's').exec(page)![1]!
}

const scripts = [...page.matchAll(/<script>(.*?)<\/script>/gs)].map(([, text]) => text!)

describe('the report', () => {
  test('holds the runs', () => {
    expect(JSON.parse(script('runs'))).toEqual(JSON.parse(JSON.stringify(runs)))
  })

  test('loads nothing', () => {
    const own = page.replaceAll(/<script.*?<\/script>/gs, '')
    expect(own).not.toMatch(/<[^>]*\b(src|href|srcset|action|data)=|<link|<iframe|@import|url\(/)
    expect(page).toContain(`http-equiv="Content-Security-Policy" content="default-src 'none'`)
  })

  test('has the chart library and its own script in it, both whole', () => {
    expect(scripts).toHaveLength(2)
    expect(scripts[0]).toContain('Chart.js v')
    for (const text of scripts) expect(() => new Script(text)).not.toThrow()
  })

  test('has a place for each chart', () => {
    const charts = JSON.parse(script('charts')) as unknown[]
    expect(charts.length).toBeGreaterThan(0)
    for (const i of charts.keys()) expect(page).toContain(`<canvas id="chart-${i}">`)
    expect(page).not.toContain(`<canvas id="chart-${charts.length}">`)
  })

  test('shows throughput against latency, shares of the floor, and what the runs differ in', () => {
    const charts = JSON.parse(script('charts')) as {
      options: { plugins: { title: { text: string } } }
      data: { datasets: { data: { x: unknown; y: unknown }[] }[] }
    }[]
    const titles = charts.map(({ options }) => options.plugins.title.text)
    expect(titles).toEqual(
      expect.arrayContaining([
        'Latency against throughput, along callers',
        'Share of the floor, commands/s',
        'commands/s against callers',
        'µs of CPU per command against callers',
      ]),
    )
    const shares = charts[titles.indexOf('Share of the floor, commands/s')]!
    expect(shares.data.datasets[0]!.data.map(({ y }) => y)).toEqual([0.5, 0.5])
  })

  test('shows what was verified and what failed', () => {
    expect(page).toContain('1,500 commands, alike on all nodes')
    expect(page).toContain('<td class="bad">group 0: chain is 1 on node 1, 2 on node 2</td>')
  })

  test('shows text as text', () => {
    expect(page).toContain('a &lt;fast&gt; one')
    expect(page).not.toContain('<img')
  })
})
