"""How the page of an experiment looks."""

from typing import Final

STYLE: Final = """
:root{color-scheme:light dark;--ink:#1f2328;--soft:#57606a;--paper:#fff;--rim:#d5d9df;--shade:#f5f7f9;--bad:#a3182d;--good:#1a7f37;--mark:#fff3d1}
@media(prefers-color-scheme:dark){
:root{--ink:#e3e6ea;--soft:#a3abb5;--paper:#16181d;--rim:#33383f;--shade:#1e2127;--bad:#ff8b80;--good:#56d364;--mark:#3a3115}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:66rem;padding:1.5rem 1.2rem 4rem;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
h1{font-size:1.6rem;line-height:1.25;margin:0 0 .4rem;overflow-wrap:anywhere}
h2{font-size:1.2rem;margin:2.4rem 0 .5rem;padding-top:.8rem;border-top:1px solid var(--rim)}
h3{font-size:1rem;margin:1.4rem 0 .3rem}
p{margin:.4rem 0;max-width:52rem;overflow-wrap:anywhere}
.facts,.note,caption,figcaption{color:var(--soft);font-size:.88rem}
.warning{background:var(--mark);padding:.5rem .8rem;border-radius:4px}
code{font-family:ui-monospace,monospace;font-size:.88em;user-select:all;overflow-wrap:anywhere}
figure{margin:.8rem 0}
figure img{display:block;width:100%;height:auto;background:#fff;border:1px solid var(--rim);border-radius:4px;padding:.4rem}
.wide{overflow-x:auto}
table{border-collapse:collapse;font-size:.86rem;font-variant-numeric:tabular-nums;margin:.5rem 0}
caption{text-align:left;padding:.2rem 0}
th,td{padding:.22rem .7rem;text-align:right;border-bottom:1px solid var(--rim);white-space:nowrap}
th{color:var(--soft);font-weight:600}
td.name,th.name{text-align:left;max-width:24rem;white-space:normal;overflow-wrap:anywhere}
tr.first td{border-top:2px solid var(--rim)}
td.measure{text-align:left;font-weight:600}
.higher,.lower{font-weight:600}
.none{color:var(--soft)}
ol.story{list-style:none;margin:.4rem 0;padding:0}
ol.story li{display:grid;grid-template-columns:12rem 1fr;gap:.8rem;padding:.15rem 0;border-bottom:1px solid var(--rim)}
ol.story time{color:var(--soft);font-variant-numeric:tabular-nums;white-space:nowrap}
ol.story span{overflow-wrap:anywhere}
details{margin:.5rem 0}
summary{cursor:pointer}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem 1rem;font-size:.88rem;margin:.4rem 0}
dt{font-weight:600}
dd{margin:0;color:var(--soft)}
@media(max-width:40rem){figure{overflow-x:auto}figure img{min-width:44rem}ol.story li{grid-template-columns:1fr;gap:0}dl{grid-template-columns:1fr}}
@media print{details{display:block}}
"""
