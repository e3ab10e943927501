import { describe, expect, it } from 'vitest';
import { reportText } from './report-text.ts';

const item = { from: 'document 1', tenant: 'acme', service: 'openai', label: 'default', outcome: 'adopted', storedIn: 'sealed', legacy: 'cipher', authenticated: false, hints: { api_key: '6789' }, warnings: [] };
const report = { command: 'adopt file', dryRun: false, startedAt: '', finishedAt: '', advice: ['Do this.'] };

describe('the report of a run, for people', () => {
  it('is a table with masked keys, a line for what needs one, the sums and what to do', () => {
    const text = reportText({
      ...report,
      dryRun: true,
      totals: { adoptable: 1, refused: 1 },
      items: [
        { ...item, outcome: 'adoptable' },
        { from: 'document 2', tenant: null, service: 'groq', label: 'default', outcome: 'refused', reason: 'It is there already.', hints: { api_key: '' } },
      ],
    });
    expect(text).toBe(
      [
        'TENANT      SERVICE  LABEL    FROM        STORED IN  ENCRYPTED BY                         KEY    OUTCOME',
        'acme        openai   default  document 1  sealed     iv:salt:ciphertext, unauthenticated  …6789  adoptable',
        '(platform)  groq     default  document 2                                                  …      refused',
        '',
        'document 2, groq: It is there already.',
        '',
        '1 adoptable, 1 refused. This was a dry run: nothing was changed.',
        '',
        'Do this.',
        '',
      ].join('\n'),
    );
  });

  it('S35 shows control characters, and cuts what is too long for a table', () => {
    const text = reportText({ ...report, totals: {}, items: [{ ...item, tenant: 'a\u001B[2J', from: 'x'.repeat(100) }] });
    expect(text).not.toContain('\u001B');
    expect(text).toContain(`${'x'.repeat(39)}…`);
    expect(reportText({ ...report, totals: {}, items: [], advice: [] })).toContain('Nothing was found.');
  });
});
