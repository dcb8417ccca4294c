import { describe, expect, it } from 'vitest';
import type { JsonValue } from '../../src/domain/json.ts';
import type { Facts } from '../../src/domain/rules.ts';
import {
  checkTemplate,
  RENDERED_BYTES_MAX,
  renderTemplate,
  renderText,
} from '../../src/domain/template.ts';

const facts: Facts = {
  event: {
    source: 'github-acme',
    id: '1',
    type: 'com.github.push',
    subject: null,
    time: '2026-01-02T03:04:05.000000Z',
    data: {
      name: 'octo-org/octo-repo',
      count: 7,
      flag: false,
      tags: ['a', 'b'],
      owner: { login: 'octocat' },
      commits: [{ id: 'x' }, { id: 'y' }],
      none: null,
      trap: '{{event.data.count}} $& $1',
    },
  },
  risk: { score: 42.5, level: 'MEDIUM', contributions: [{ factor: 'f', points: 42.5 }] },
};

describe('a template', () => {
  it('takes values as they are where a placeholder stands alone', () => {
    const template = {
      name: '{{event.data.name}}',
      count: '{{ event.data.count }}',
      flag: '{{event.data.flag}}',
      tags: '{{event.data.tags}}',
      ids: ['{{event.data.commits[*].id}}', { deep: '{{risk.score}}' }],
      fixed: 30,
    };
    expect(renderTemplate(template, facts)).toEqual({
      rendered: {
        name: 'octo-org/octo-repo',
        count: 7,
        flag: false,
        tags: ['a', 'b'],
        ids: [['x', 'y'], { deep: 42.5 }],
        fixed: 30,
      },
    });
  });

  it('writes them out inside a text', () => {
    const text = '{{event.data.count}} pushes to {{event.data.name}}, {{event.data.flag}}';
    expect(renderText(text, facts)).toEqual({ rendered: '7 pushes to octo-org/octo-repo, false' });
    expect(renderText('{{event.data.count}}', facts)).toEqual({ rendered: '7' });
  });

  it('never reads what a payload says as a template', () => {
    expect(renderText('[{{event.data.trap}}]', facts)).toEqual({
      rendered: '[{{event.data.count}} $& $1]',
    });
  });

  it.each<[string, JsonValue, string]>([
    ['is absent', '{{event.data.nothing}}', 'is absent from the event'],
    ['is null', '{{event.data.none}}', 'is absent from the event'],
    ['is only inherited', '{{event.data.constructor}}', 'is absent from the event'],
    ['is an object', '{{event.data.owner}}', 'leads to an object'],
    ['is a list of objects', '{{event.data.commits}}', 'leads to an object'],
    ['is a list inside a text', 'tags: {{event.data.tags}}', 'is a list inside a text'],
    ['is absent inside a text', 'a {{event.data.nothing}}', 'is absent from the event'],
  ])('reports a placeholder whose value %s', (_, template, fault) => {
    const rendering = renderTemplate({ template }, facts);
    expect('faults' in rendering && rendering.faults.join()).toContain(fault);
  });

  it('reports every fault, and does not render in part', () => {
    expect(renderTemplate({ a: '{{event.x}}', b: ['{{event.y}}'], c: 1 }, facts)).toEqual({
      faults: ['{{event.x}} is absent from the event', '{{event.y}} is absent from the event'],
    });
  });

  it('ends at a size that people can read', () => {
    const long = { text: 'a'.repeat(RENDERED_BYTES_MAX) };
    expect(renderTemplate(long, facts)).toHaveProperty('faults');
  });
});

describe('checking a template', () => {
  it('accepts paths into the facts', () => {
    const template = { a: ['{{event.type}}', 'x {{risk.level}} y'], b: 1, c: null, d: '{ } }' };
    expect(checkTemplate(template, [])).toEqual([]);
  });

  it.each([
    '{{data.name}}',
    '{{event}}',
    '{{event.a[0]}}',
    '{{event.a | upper}}',
    '{{event.a()}}',
    '{{}}',
    '{{eventual.a}}',
    '{{event.a',
    'event.a}}',
  ])('refuses %s', (text) => {
    expect(checkTemplate({ command: [text] }, ['recommendations', 0])).toEqual([
      { at: ['recommendations', 0, 'command', 0], problem: expect.any(String) },
    ]);
  });

  it('takes time that grows with the length of the text', () => {
    const begun = performance.now();
    checkTemplate(`{{${' '.repeat(60_000)}`, []);
    checkTemplate('{{'.repeat(30_000), []);
    expect(performance.now() - begun).toBeLessThan(200);
  });
});
