/** The look of the page: one column, light or dark as the reader's system is. */
export const pageStyle = `
:root { color-scheme: light dark; --ink: #1d2026; --soft: #5f6570; --line: #e3e5ea; --back: #ffffff; --card: #f7f8fa;
  --good: #2b8a3e; --bad: #c92a2a; --bar: #2f6fde22; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e6ea; --soft: #9ba1ac; --line: #33363d; --back: #16181c;
  --card: #1e2126; --good: #69db7c; --bad: #ff8787; --bar: #4c8dff33; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--back); margin: 0 auto; max-width: 1180px;
  padding: 24px 20px 60px; }
h1 { font-size: 26px; margin: 0; } h2 { font-size: 20px; margin: 44px 0 2px; border-top: 1px solid var(--line); padding-top: 22px; }
h3 { font-size: 15px; margin: 26px 0 6px; } p { margin: 4px 0; } .soft { color: var(--soft); }
nav { margin: 10px 0 0; } nav a { margin-right: 14px; color: inherit; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 14px; }
th { text-align: left; font-weight: 600; color: var(--soft); } th, td { padding: 3px 16px 3px 0; border-bottom: 1px solid var(--line);
  white-space: nowrap; } td.wrap { white-space: normal; } .right { text-align: right; }
.reached { color: var(--good); font-weight: 600; } .short { color: var(--bad); font-weight: 600; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(440px, 1fr)); gap: 20px; margin: 10px 0 4px; }
.charts > div { background: var(--card); border-radius: 8px; padding: 10px 12px; min-width: 0; }
.charts h4 { margin: 0 0 4px; font-size: 13px; font-weight: 500; color: var(--soft); }
.u-legend { font-size: 12px; } .u-legend th, .u-legend td { border: 0; padding: 0 4px; color: var(--ink); }
ul { margin: 8px 0; padding-left: 20px; color: var(--soft); font-size: 14px; }
details { margin: 12px 0; } summary { cursor: pointer; color: var(--soft); }
@media (max-width: 560px) { .charts { grid-template-columns: 1fr; } }
`;
