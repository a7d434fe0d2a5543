import type { Dashboard, FieldConfig, Panel } from '../../web/dashboards/dashboard.ts';
import { knownCalculations } from '../../web/dashboards/series.ts';
import { isKnownUnit } from '../../web/format/format-value.ts';

// The parts of a dashboard file that the page draws or may ignore. A test finds every part of every
// file that is not in these lists. `true`: the part with everything in it.

type Known = true | { readonly [part: string]: Known };

const dashboardParts: Known = {
  ...all('uid', 'title', 'description', 'tags', 'time', 'refresh', 'panels'),
  // Grafana's own affairs: nothing to draw.
  ...all('id', 'version', 'schemaVersion', 'editable', 'timezone', 'fiscalYearStartMonth', 'graphTooltip', 'liveNow'),
  ...all('weekStart', 'style', 'timepicker', 'preload', 'gnetId'),
  templating: {
    list: {
      ...all('type', 'name', 'label', 'query', 'definition', 'current', 'options', 'multi', 'includeAll', 'allValue'),
      ...all('hide', 'regex', 'datasource', 'refresh', 'sort', 'skipUrlSync', 'description', 'auto', 'auto_count'),
      ...all('auto_min', 'allowCustomValue'),
    },
  },
  annotations: {
    list: {
      ...all('name', 'enable', 'hide', 'iconColor', 'expr', 'datasource', 'builtIn', 'titleFormat', 'textFormat'),
      ...all(
        'target',
        'type',
        'tagKeys',
        'step',
        'queryType',
        'filter',
        'refId',
        'instant',
        'legendFormat',
        'mappings',
        'placement',
      ),
    },
  },
  links: all(
    'title',
    'type',
    'url',
    'tags',
    'keepTime',
    'includeVars',
    'asDropdown',
    'icon',
    'targetBlank',
    'tooltip',
    'placement',
  ),
};

const panelParts: Known = {
  ...all('id', 'type', 'title', 'description', 'gridPos', 'datasource', 'interval', 'maxDataPoints', 'panels'),
  ...all('collapsed', 'transparent', 'pluginVersion', 'repeatDirection'),
  links: all('title', 'url', 'targetBlank'),
  targets: {
    ...all('refId', 'expr', 'query', 'queryType', 'legendFormat', 'instant', 'range', 'format', 'exemplar', 'hide'),
    ...all(
      'interval',
      'limit',
      'maxLines',
      'datasource',
      'editorMode',
      'intervalFactor',
      'tableType',
      'spss',
      'filters',
    ),
    ...all('direction', 'step'),
  },
  transformations: all('id', 'options', 'disabled'),
  fieldConfig: { defaults: fieldParts(), overrides: all('matcher', 'properties') },
};

function fieldParts(): Known {
  return {
    ...all('unit', 'decimals', 'min', 'max', 'displayName', 'noValue', 'thresholds', 'mappings', 'description'),
    ...all('color', 'links', 'fieldMinMax'),
    custom: {
      ...all('drawStyle', 'lineInterpolation', 'lineWidth', 'fillOpacity', 'stacking', 'axisPlacement', 'axisLabel'),
      ...all(
        'axisSoftMin',
        'axisSoftMax',
        'scaleDistribution',
        'spanNulls',
        'thresholdsStyle',
        'lineStyle',
        'showPoints',
      ),
      ...all('pointSize', 'hideFrom', 'align', 'width', 'hidden', 'cellOptions', 'axisCenteredZero', 'axisColorMode'),
      ...all(
        'axisBorderShow',
        'axisGridShow',
        'barAlignment',
        'gradientMode',
        'insertNulls',
        'barWidthFactor',
        'inspect',
      ),
      ...all('filterable', 'minWidth', 'barMaxWidth', 'axisWidth'),
    },
  };
}

const legend = all(
  'displayMode',
  'placement',
  'calcs',
  'showLegend',
  'asTable',
  'isVisible',
  'sortBy',
  'sortDesc',
  'width',
);
const tooltip = all('mode', 'sort', 'maxHeight', 'maxWidth', 'hideZeros', 'yHistogram', 'showColorScale', 'show');
const reduceOptions = all('calcs', 'values', 'fields', 'limit');

/** Every panel type that is drawn, with its options. */
const optionsOf: Readonly<Record<string, Known>> = {
  timeseries: { legend, tooltip, ...all('timezone') },
  stat: {
    reduceOptions,
    text: true,
    ...all(
      'textMode',
      'colorMode',
      'graphMode',
      'orientation',
      'justifyMode',
      'wideLayout',
      'showPercentChange',
      'percentChangeColorMode',
    ),
  },
  gauge: {
    reduceOptions,
    text: true,
    ...all('orientation', 'showThresholdLabels', 'showThresholdMarkers', 'sizing', 'minVizWidth', 'minVizHeight'),
    ...all('shape', 'barShape', 'barWidthFactor', 'segmentCount', 'segmentSpacing', 'effects'),
  },
  bargauge: {
    reduceOptions,
    text: true,
    legend,
    ...all(
      'orientation',
      'displayMode',
      'valueMode',
      'namePlacement',
      'showUnfilled',
      'sizing',
      'minVizWidth',
      'minVizHeight',
      'maxVizHeight',
    ),
  },
  table: {
    ...all('showHeader', 'cellHeight', 'sortBy', 'frameIndex', 'showTypeIcons', 'enablePagination'),
  },
  heatmap: {
    tooltip,
    legend: true,
    yAxis: true,
    color: true,
    ...all(
      'calculate',
      'calculation',
      'cellGap',
      'cellValues',
      'cellRadius',
      'exemplars',
      'filterValues',
      'rowsFrame',
      'showValue',
      'selectionMode',
    ),
  },
  'state-timeline': {
    legend,
    tooltip,
    ...all('mergeValues', 'showValue', 'rowHeight', 'alignValue', 'perPage', 'timezone'),
  },
  logs: all(
    'showTime',
    'showLabels',
    'showCommonLabels',
    'wrapLogMessage',
    'prettifyLogMessage',
    'enableLogDetails',
    'dedupStrategy',
    'sortOrder',
    'enableInfiniteScrolling',
    'showControls',
    'fontSize',
    'syntaxHighlighting',
    'showLogContextToggle',
    'isFilterLabelActive',
    'detailsMode',
    'timestampResolution',
    'unwrappedColumns',
  ),
  traces: {},
  text: all('content', 'mode', 'code'),
  row: {},
};

const variableTypes = ['query', 'custom', 'constant', 'textbox', 'interval', 'datasource'];
const transformations = ['organize', 'merge', 'sortBy', 'limit', 'filterFieldsByName'];
const matchers = ['byName', 'byRegexp', 'byFrameRefID', 'byType'];

/**
 * Every part of the dashboard that this page neither draws nor knowingly passes over, as a path.
 */
export function unknownParts(dashboard: Dashboard): string[] {
  const unknown = within(dashboard, dashboardParts, dashboard.title);
  for (const { type, name } of dashboard.templating?.list ?? [])
    if (!variableTypes.includes(type)) unknown.push(`${dashboard.title}: variable ${name} of type ${type}`);
  for (const panel of panelsOf(dashboard))
    unknown.push(...ofPanel(panel, `${dashboard.title} / ${panel.title ?? panel.id}`));
  return unknown;
}

/** Every panel, also in folded rows. */
export function panelsOf({ panels = [] }: Dashboard): Panel[] {
  return panels.flatMap((panel) => [panel, ...(panel.panels ?? [])]);
}

function ofPanel(panel: Panel, where: string): string[] {
  const options = optionsOf[panel.type];
  if (!options) return [`${where}: panel type ${panel.type}`];
  const unknown = [
    ...within({ ...panel, options: undefined }, panelParts, where),
    ...within(panel.options ?? {}, options, `${where}: options`),
    ...ofField(panel.fieldConfig?.defaults ?? {}, where),
  ];
  for (const { id } of panel.transformations ?? [])
    if (!transformations.includes(id)) unknown.push(`${where}: transformation ${id}`);
  for (const { matcher, properties } of panel.fieldConfig?.overrides ?? []) {
    if (!matchers.includes(matcher.id)) unknown.push(`${where}: override for ${matcher.id}`);
    for (const { id, value } of properties) {
      const [head = '', ...rest] = id.split('.');
      const nested = rest.length === 0 ? value : { [rest[0]!]: value };
      unknown.push(...within({ [head]: nested }, fieldParts(), `${where}: override`));
      if (id === 'unit') unknown.push(...ofField({ unit: String(value) }, where));
    }
  }
  for (const calculation of panel.options?.reduceOptions?.calcs ?? [])
    if (!knownCalculations.some((known) => known === calculation)) unknown.push(`${where}: calculation ${calculation}`);
  for (const calculation of panel.options?.legend?.calcs ?? [])
    if (!knownCalculations.some((known) => known === calculation)) unknown.push(`${where}: calculation ${calculation}`);
  return unknown;
}

function ofField({ unit }: FieldConfig, where: string): string[] {
  return unit === undefined || isKnownUnit(unit) ? [] : [`${where}: unit ${unit}`];
}

function within(given: unknown, known: Known, where: string): string[] {
  if (known === true || given === undefined || given === null) return [];
  if (Array.isArray(given)) return given.flatMap((each) => within(each, known, where));
  if (typeof given !== 'object') return [];
  return Object.entries(given).flatMap(([part, value]) => {
    const below = Object.hasOwn(known, part) ? known[part] : undefined;
    if (value === undefined || value === null) return [];
    return below === undefined ? [`${where}: ${part}`] : within(value, below, `${where}: ${part}`);
  });
}

function all(...parts: string[]): Record<string, true> {
  return Object.fromEntries(parts.map((part) => [part, true as const]));
}
