import type { CoursePoint, NodeSize } from '../course.js'
import { rateBetween } from '../course-rows.js'
import { labelOf } from '../series/configurations.js'
import type { RunRecord } from '../series/run-record.js'
import { axis, type Chart, dataset, options, show } from './charts.js'
import type { Section } from './sections.js'

/** Along the time of each run that was long enough: what its nodes took up, a line for each. */
export function courseCharts({ runs, varied }: Section): Chart[] {
  return runs
    .filter(({ figures }) => coursePoints(figures).length > 0)
    .flatMap((run) => {
      const name = [run.subject, labelOf(run.options, varied), `round ${run.round}`].filter((text) => text !== '')
      return [
        sizeChart(run, `MB of memory over time, ${name.join(' ')}`, ({ ownMegabytes }) => ownMegabytes),
        sizeChart(run, `MB on disk over time, ${name.join(' ')}`, ({ dataMegabytes }) => dataMegabytes),
      ]
    })
}

/** Files may hold runs that were written before there was a course. */
const coursePoints = ({ course }: { readonly course?: readonly CoursePoint[] }) => course ?? []

function sizeChart({ figures }: RunRecord, title: string, pick: (size: NodeSize) => number): Chart {
  const datasets = figures.processes.map(({ node }, i) => {
    const points = figures.course.flatMap((point, at, all) => {
      const { seconds, nodes } = point
      const own = nodes.find((one) => one.node === node)
      if (own === undefined) return []
      const mapped = own.mappedMegabytes === undefined ? '' : `, and ${show(own.mappedMegabytes)} of mapped files`
      const rate = at === 0 ? '' : `, ${show(rateBetween(all[at - 1]!, point))} commands/s`
      const note = `after ${show(seconds)} s${rate}: ${show(pick(own))} MB${mapped}`
      return [{ x: seconds, y: pick(own), note }]
    })
    return dataset(`node ${node}`, points, i)
  })
  const axes = { x: axis('seconds', 'linear'), y: { ...axis('MB', 'linear'), beginAtZero: true } }
  return { type: 'line', data: { datasets }, options: options(title, axes) }
}
