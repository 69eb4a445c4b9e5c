internal import Figures

/// What all pages share: their look, and the script without which they work too, but for the page of one's own image.
enum Assets {
  static let style =
    RunPage.style + "\n" + """
      [hidden]{display:none!important}body{max-width:92rem}.skip{position:absolute;left:-99rem}.skip:focus{left:1rem;top:.5rem;z-index:3;background:var(--page)}
      .top{position:sticky;top:0;z-index:2;display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;align-items:center;padding:.5rem 0;background:var(--page);border-bottom:1px solid var(--line)}
      .top nav{position:static;flex:1 1 20rem;margin:0;padding:.2rem 0;border:0;min-width:0}.top form{margin:0}.top .home{font-weight:bold;text-decoration:none}
      h3{margin:.75rem 0 0;font-size:1rem}h1 small{font-size:1rem;color:var(--soft);font-weight:normal}input[type=file]{max-width:100%}pre{white-space:pre-wrap;overflow-wrap:anywhere}.soft{font-size:.85rem}
      #stage:focus-visible,a:focus-visible,button:focus-visible,input:focus-visible,select:focus-visible{outline:3px solid var(--link);outline-offset:1px}
      button,select{font:inherit;padding:.2rem .6rem;border:1px solid var(--line);border-radius:4px;background:var(--band);color:var(--ink)}
      .layer{content-visibility:auto;contain-intrinsic-size:auto 200px}.layer p{display:flex;gap:.75rem;align-items:center;margin:.25rem 0 .5rem}
      .field{flex:none;fill:none;stroke:var(--soft)}.field .seen{fill:var(--link);stroke:none}
      .strip{position:relative;display:inline-block;max-width:100%;overflow-x:auto}.strip img{max-width:none;border:0;border-radius:0;display:block}
      .strip svg{position:absolute;left:0;top:0}.strip rect{fill:transparent}.strip a:hover rect,.strip a:focus-visible rect{stroke:var(--link);stroke-width:4}
      .classes a{display:inline-block;margin-right:.75rem}
      .well{padding:1rem;border:2px dashed var(--line);border-radius:8px}.well.over{border-color:var(--link)}
      .controls{display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;align-items:end}.controls label{margin:0}
      .grid{display:flex;flex-wrap:wrap;gap:.6rem;margin-top:1rem}
      .card{display:block;padding:.4rem .5rem;border:1px solid var(--line);border-radius:6px;background:var(--band);color:inherit;text-decoration:none;font-size:.85rem;content-visibility:auto;min-width:4.5rem}
      .card[hidden]{display:none}.card:hover,.card:target{border-color:var(--link)}.card img{display:block;object-fit:none;border:0;border-radius:0;max-width:none}
      .card small{display:block;color:var(--soft);overflow-wrap:anywhere}.none{display:inline-block;color:var(--soft);font-size:.85rem}
      .steps{display:flex;gap:1rem;align-items:center}.rules{position:static;border:0;margin:0;padding:.25rem 0}.fires{color:var(--soft)}
      .nine{display:flex;flex-wrap:wrap;gap:1rem 1.5rem}figure{margin:0;max-width:100%}figure svg{max-width:100%}
      figcaption{font-size:.85rem;color:var(--soft);overflow-wrap:anywhere;max-width:40rem}.tile>rect{fill:var(--band);stroke:var(--line);vector-effect:non-scaling-stroke}.pixels image{image-rendering:pixelated}
      .whole rect{fill:none;stroke:#ff3d00;stroke-width:2px;vector-effect:non-scaling-stroke;filter:drop-shadow(0 0 1px #fff) drop-shadow(0 0 1px #fff)}
      .histogram{width:100%;max-width:46rem;height:7rem;fill:var(--link);border-bottom:1px solid var(--line)}
      .bands dd{display:flex;flex-wrap:wrap;gap:.3rem;padding-bottom:.3rem}.bands img{height:4.5rem;width:auto}
      .panes{display:flex;flex-wrap:wrap;gap:1rem 2rem}.pane{flex:1 1 24rem;min-width:0}.pictures{display:flex;flex-wrap:wrap;gap:.5rem}.blink .pane:first-child{display:none}
      .live{display:grid;grid-template-columns:repeat(auto-fit,minmax(15rem,1fr));gap:1rem 2rem;align-items:start;margin-top:1rem}.live[hidden]{display:none}
      .excited{grid-column:1/-1}.stage{position:relative;display:inline-block;max-width:100%}.stage img{display:block;border-radius:0;border:0;width:20rem}
      #live #map{position:absolute;inset:0;width:100%;height:100%;image-rendering:pixelated;pointer-events:none}#map[hidden]{display:none}
      #field,#square{position:absolute;border:2px solid #ff3d00;pointer-events:none;box-sizing:border-box}#field:empty:not(.on){display:none}#square{background:#808080;border:0}#square[hidden]{display:none}
      #excited{columns:16rem;padding-left:1.5rem}#excited button{width:100%;text-align:left}
      .bar{display:grid;grid-template-columns:minmax(0,9rem) minmax(4rem,1fr) 3.5rem;gap:.5rem;align-items:center;font-size:.9rem}.bar meter{width:100%}
      .film{display:flex;flex-wrap:wrap;gap:.75rem}.film figure{padding:.3rem;border:2px solid transparent;border-radius:6px;max-width:13rem}.film .now{border-color:var(--link)}
      #slider input{width:min(30rem,80vw)}#note textarea{display:block;width:min(40rem,100%);font:inherit;color:inherit;background:var(--page)}
      .progress{padding:.4rem .75rem;border:1px solid var(--link);border-radius:6px}.choices{display:flex;flex-wrap:wrap;gap:.75rem}.choices .right{outline:4px solid var(--link)}
      .wide{overflow-x:auto}.wide td,.wide th{white-space:nowrap}.columns{columns:20rem}main figure img{max-width:100%;height:auto}
      dialog{border:1px solid var(--line);border-radius:8px;background:var(--page);color:var(--ink)}
      @media(max-width:40rem){body{padding:0 .75rem 3rem}.top{position:static}}
      @media(prefers-reduced-motion:no-preference){.card{transition:border-color .1s}}
      """

  /// What a browser shows beside the page's title.
  static let icon =
    "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 16 16\"><rect width=\"16\" height=\"16\" rx=\"3\" fill=\"#0b57a4\"/>"
    + "<path d=\"M3 3h4v4H3zM9 9h4v4H9zM9 3l4 4M3 13l4-4\" fill=\"none\" stroke=\"#fff\" stroke-width=\"1.5\"/></svg>\n"

  static let script = """
    (function(){
    'use strict';
    function all(q){return Array.prototype.slice.call(document.querySelectorAll(q))}
    function one(q){return document.querySelector(q)}
    function make(tag,name,text){var e=document.createElement(tag);if(name)e.className=name;if(text!==undefined)e.textContent=text;return e}
    var store;try{store=window.sessionStorage}catch(e){store=null}

    // Keys lead where the page's own links lead.
    var keys=one('#keys');
    function follow(rel){var l=one('link[rel='+rel+']');if(l)(rel==='up'?leave:exchange)(l.href+(rel==='up'?epoch():''))}
    // What is shown at an epoch leads on to what is shown at it too.
    function epoch(){var number=new URLSearchParams(location.search).get('epoch');return number&&one('#slider')?'?epoch='+encodeURIComponent(number):''}
    function leave(href){location.href=href}
    document.addEventListener('keydown',function(e){
    if(e.altKey||e.ctrlKey||e.metaKey||/^(INPUT|SELECT|TEXTAREA)$/.test(e.target.tagName)||(keys&&keys.open))return;
    var rule=one('[data-key="'+(/^[1-9]$/.test(e.key)?e.key:'x')+'"]'),search=one('[role=search] input'),cards,pinned,pin;
    if(e.key==='ArrowRight')follow('next');else if(e.key==='ArrowLeft')follow('prev');
    else if(e.key==='u')follow('up');
    else if(e.key==='/'&&search){e.preventDefault();search.focus()}
    else if(e.key==='?'&&keys)keys.showModal();
    else if(e.key==='p'&&one('#pin'))one('#pin').click();
    else if(e.key==='n'&&one('[data-key=n]'))leave(one('[data-key=n]').href);
    else if((e.key===','||e.key==='.')&&one('#slider'))step(e.key===','?-1:1);
    else if(e.key==='r'){cards=all('.card:not([hidden]),.strip a,.steps a');if(cards.length)location.href=cards[Math.floor(Math.random()*cards.length)].getAttribute('href')||cards[0].href.baseVal}
    else if(rule)location.href=rule.href+epoch();
    else if(e.key==='c'){pin=one('#pin');pinned=store&&store.getItem('pinned');if(pin&&pinned)location.href=pin.dataset.compare+'?a='+encodeURIComponent(pinned)+'&b='+encodeURIComponent(pin.dataset.unit)}
    else if(e.key==='x'&&one('#panes'))one('#panes').classList.toggle('blink');
    });
    // One unit's page in place of another's, read beforehand: a key leads there at once. From the disk they are loaded.
    var pages={};
    function read(href){return pages[href]||(pages[href]=fetch(href).then(function(r){if(!r.ok)throw r;return r.text()}))}
    function replace(href,then){read(href).then(function(text){
    var d=new DOMParser().parseFromString(text,'text/html'),main=d.querySelector('main');if(!main||!d.querySelector('#pin'))throw text;
    one('main').replaceWith(main);document.title=d.title;
    all('link[rel=prev],link[rel=next],link[rel=up]').forEach(function(l){l.remove()});
    Array.prototype.forEach.call(d.querySelectorAll('link[rel=prev],link[rel=next],link[rel=up]'),function(l){
    l.href=new URL(l.getAttribute('href'),href).href;document.head.appendChild(l)});
    then();unitPage()}).catch(function(){leave(href)})}
    function exchange(href){if(!one('#pin')||location.protocol.indexOf('http')!==0)return leave(href+epoch());
    replace(href,function(){history.pushState(null,'',href+epoch());window.scrollTo(0,0)})}
    window.addEventListener('popstate',function(){if(one('#pin'))replace(location.href,function(){})});
    document.addEventListener('click',function(e){var a=e.target.closest&&e.target.closest('.steps a[rel]');
    if(a&&!e.ctrlKey&&!e.metaKey&&!e.shiftKey&&e.button===0){e.preventDefault();exchange(a.href)}});
    function send(href,what){return fetch(href,{method:'POST',headers:{'X-Switchback':'1','Content-Type':'application/json'},body:JSON.stringify(what)}).then(function(r){
    pages={};if(r.ok)return r.json();return r.text().then(function(t){throw new Error(t.trim())})},function(){throw new Error('The server does not answer: was it stopped?')})}
    // One slider for all that the page shows at an epoch; the address says where it is.
    function step(by){var range=one('#slider input');range.value=+range.value+by;range.dispatchEvent(new Event('input'))}
    function show(place){var slider=one('#slider'),numbers=slider.dataset.epochs.split(' '),epoch=numbers[place],layer=one('#epochs[data-layer]'),still=one('#still');
    slider.querySelector('output').textContent=epoch;slider.querySelector('input').setAttribute('aria-valuetext','epoch '+epoch);
    all('.film figure').forEach(function(f,k){f.classList.toggle('now',k===place);
    if(k===place&&still){var svg=f.querySelector('svg').cloneNode(true);svg.setAttribute('width',2*svg.getAttribute('width'));svg.setAttribute('height',2*svg.getAttribute('height'));still.replaceChildren(svg,f.querySelector('figcaption').cloneNode(true))}});
    if(layer)all('.card').forEach(function(c){c.href=c.href.split('?')[0]+'?epoch='+epoch});
    if(layer)all('.card img').forEach(function(i){i.src='../epochs/'+encodeURIComponent(layer.dataset.layer)+'/'+epoch+'/'+/[0-9]+\\.jpg([?].*)?$/.exec(i.src)[0]})}
    function slide(){var slider=one('#slider'),film=one('.film');if(!slider)return;
    var range=slider.querySelector('input'),numbers=slider.dataset.epochs.split(' '),query=new URLSearchParams(location.search),place=numbers.indexOf(query.get('epoch'));
    slider.hidden=false;if(film&&!one('#still')){var still=make('figure');still.id='still';film.before(still)}
    if(place>=0)range.value=place;if(film||place>=0)show(+range.value);
    range.addEventListener('input',function(){show(+range.value);var query=new URLSearchParams(location.search);query.set('epoch',numbers[range.value]);
    history.replaceState(null,'',location.pathname+'?'+query+location.hash)})}
    function unitPage(){
    var pin=one('#pin');
    if(pin){var note=one('#note');pin.hidden=false;note.querySelector('button').hidden=false;
    pin.addEventListener('click',function(){var on=pin.getAttribute('aria-pressed')!=='true';if(store&&on)store.setItem('pinned',pin.dataset.unit);
    send('../../api/notes',{layer:note.dataset.layer,unit:+note.dataset.unit,pinned:on}).then(function(){
    pin.setAttribute('aria-pressed',''+on);pin.textContent=on?'Pinned: c compares':'Pin'},function(e){pin.textContent=e.message})});
    note.addEventListener('submit',function(e){e.preventDefault();var said=note.querySelector('output');
    send('../../api/notes',{layer:note.dataset.layer,unit:+note.dataset.unit,text:note.elements.text.value}).then(function(){said.textContent='Kept.'},function(e){said.textContent=e.message})});
    if(store&&store.getItem('pinned')&&store.getItem('pinned')!==pin.dataset.unit){
    var other=make('a','','Compare with '+store.getItem('pinned'));other.href=pin.dataset.compare+'?a='+encodeURIComponent(store.getItem('pinned'))+'&b='+encodeURIComponent(pin.dataset.unit);
    pin.after(other)}
    slide();
    // The pages beside this one and their pictures, once its own are there.
    if(location.protocol.indexOf('http')===0)setTimeout(function(){all('link[rel=next],link[rel=prev]').forEach(function(l){
    read(l.href).then(function(text){var d=new DOMParser().parseFromString(text,'text/html'),seen={};
    Array.prototype.forEach.call(d.querySelectorAll('.nine image'),function(i){var a=new URL(i.getAttribute('href'),l.href).href;
    if(!seen[a]){seen[a]=true;new Image().src=a}})},function(){})})},document.readyState==='complete'?40:300)}}
    unitPage();if(!one('#pin'))slide();

    // A search that goes on while its units are looked at.
    var progress=one('#progress');
    if(progress)setInterval(function(){fetch(progress.dataset.run).then(function(r){return r.json()}).then(function(run){
    if(run.searched!==+progress.dataset.done){progress.firstChild.textContent='Searched '+run.searched+' of '+run.of+' images; this page is of '+progress.dataset.done+'. '}},function(){})},5000);

    // The game.
    var game=one('#game');
    if(game)all('[data-choice]').forEach(function(b){b.addEventListener('click',function(){
    send('api/game',{layer:game.dataset.layer,round:+game.dataset.round,shown:game.dataset.show,choice:+b.dataset.choice}).then(function(t){
    all('[data-choice]').forEach(function(c){c.disabled=true;c.classList.toggle('right',+c.dataset.choice===t.answer)});
    var told=one('#told');told.textContent=(t.isRight?'Right. ':'No: the one that is marked. ')+t.right+' of '+t.of+' so far. ';
    var a=make('a','','unit '+t.unit);a.href='units/'+encodeURIComponent(game.dataset.layer)+'/'+t.unit+'.html';told.appendChild(a)},function(e){one('#told').textContent=e.message})})});

    // A grid sorted and filtered here; its address says how.
    var form=one('#sorting');
    if(form){var grid=one('.grid'),cards=all('.card'),output=form.querySelector('output');
    form.querySelector('button').hidden=true;
    function arrange(){var sort=form.elements.sort.value,q=form.elements.q.value.trim().toLowerCase(),shown=0,part=document.createDocumentFragment();
    cards.sort(function(a,b){return b.dataset[sort]-a.dataset[sort]||a.dataset.number-b.dataset.number?b.dataset[sort]-a.dataset[sort]||b.dataset.number-a.dataset.number:0});
    cards.forEach(function(c){var fits=!q||(/^[0-9]+$/.test(q)?c.id==='u'+q:c.dataset.words.indexOf(q)>=0);c.hidden=!fits;if(fits)shown++;part.appendChild(c)});
    grid.appendChild(part);output.textContent=shown+' of '+cards.length;
    var query=new URLSearchParams(location.search);query.delete('sort');query.delete('q');if(sort!=='selectivity')query.set('sort',sort);if(q)query.set('q',q);
    history.replaceState(null,'',location.pathname+(query.toString()?'?'+query:'')+location.hash)}
    function read(){var query=new URLSearchParams(location.search);form.elements.sort.value=query.get('sort')||'selectivity';form.elements.q.value=query.get('q')||''}
    read();arrange();form.addEventListener('input',arrange);
    form.addEventListener('submit',function(e){e.preventDefault();arrange()})}

    // One's own image.
    var live=one('#live');
    if(live){var said=one('#said'),stage=one('#stage'),seen=one('#seen'),map=one('#map'),field=one('#field'),square=one('#square'),
    projection=one('#projection'),what=one('#what'),array=one('#array'),excited=one('#excited'),choice=one('#layer'),
    now=null,unit=null,place=null,rules=['deconvnet','gradient','guided'],sweep=null,stream=null,asked=0;
    function say(t){said.textContent=t}
    function layer(){return now.layers.filter(function(l){return l.stem===choice.value})[0]}
    function base(){return 'api/live/'+now.id}
    function share(u){return u.share===undefined?'new':(100*u.share).toPrecision(3)+'%'}
    function classes(values){var place=one('#classes');place.textContent='';
    (now.classes||[]).forEach(function(c,k){var p=values?values[k]:c.probability,row=make('div','bar'),m=make('meter');
    m.max=1;m.value=p;m.setAttribute('aria-label',c.name);row.appendChild(make('span','',c.name));row.appendChild(m);
    row.appendChild(make('span','',(100*p).toFixed(1)+'%'));place.appendChild(row)});
    if(!now.classes)place.textContent='The network names no classes.'}
    function mark(e,box){e.style.left=100*box.left/now.columns+'%';e.style.top=100*box.top/now.rows+'%';
    e.style.width=100*(box.right-box.left)/now.columns+'%';e.style.height=100*(box.bottom-box.top)/now.rows+'%'}
    function box(u){var b=u.box;return Array.isArray(b)?{top:b[0],left:b[1],bottom:b[2],right:b[3]}:b}
    function hover(u){map.hidden=!u;field.className=u?'on':'';if(!u)return;
    map.src=base()+'/maps/'+encodeURIComponent(choice.value)+'/'+u.unit+'.webp';mark(field,box(u))}
    function carry(u,at){unit=u;place=at;var l=layer(),q='?layer='+encodeURIComponent(l.stem)+'&unit='+u.unit+'&row='+at[0]+'&column='+at[1]+'&rule='+live.dataset.rule;
    projection.hidden=false;projection.src=base()+'/projection.jpg'+q;
    what.textContent=l.layer+' unit '+u.unit+' at row '+at[0]+', column '+at[1]+' by the rule '+live.dataset.rule+(u.value===undefined?'':': '+u.value.toPrecision(3)+', '+share(u)+' of its largest');
    array.textContent='';var a=make('a','','as an array');a.href=base()+'/projection.safetensors'+q;array.appendChild(a);
    array.appendChild(document.createTextNode(' · '));a=make('a','','PNG');a.href=base()+'/projection.png'+q;array.appendChild(a);
    var typed=one('#typed');typed.hidden=false;typed.textContent='switchback project '+live.dataset.model+' IMAGE --layer '+choice.options[choice.selectedIndex].dataset.typed+' --unit '+u.unit+' --at '+at[0]+','+at[1]+' --rule '+live.dataset.rule+' --out projection.pdf';
    array.appendChild(document.createTextNode(' · '));a=make('a','','the unit\\u2019s page');a.href='units/'+encodeURIComponent(l.stem)+'/'+u.unit+'.html';array.appendChild(a)}
    function list(){excited.textContent='';var l=layer();if(!l)return;
    l.units.forEach(function(u){var li=make('li'),b=make('button','','unit '+u.unit+' · '+share(u));b.type='button';
    b.addEventListener('mouseenter',function(){hover(u)});b.addEventListener('focus',function(){hover(u)});
    b.addEventListener('click',function(){hover(u);carry(u,[u.row,u.column])});li.appendChild(b);excited.appendChild(li)});
    if(!l.units.length)excited.appendChild(make('li','','It excites no unit of this layer.'))}
    function failed(e){say(e instanceof Error&&!(e instanceof TypeError)?e.message:'The server does not answer: was it stopped? Start switchback explore again, then reload this page.')}
    function answer(r){if(r.status===204)return null;if(r.ok)return r.json();return r.text().then(function(t){throw new Error(t.trim())})}
    function give(blob,quiet){var mine=++asked;if(!quiet)say('Computing\\u2026');
    return fetch('api/live',{method:'POST',headers:{'X-Switchback':'1','Content-Type':'application/octet-stream'},body:blob}).then(answer).then(function(found){
    if(!found||mine!==asked)return;now=found;sweep=null;unit=null;one('#shown').hidden=false;say(quiet?'':'Done.');
    seen.src=base()+'/seen.webp';projection.hidden=true;what.textContent='';array.textContent='';one('#typed').hidden=true;map.hidden=true;field.className='';
    classes();list();if(one('#hiding').checked)hide()},failed)}
    function hide(){if(!now||!now.classes)return;var size=Math.round(Math.min(now.rows,now.columns)*.22),mine=now.id;
    function ask(steps){var span=Math.min(now.rows,now.columns)-size;return fetch(base()+'/occlusion.json?size='+size+'&stride='+Math.max(1,Math.floor(span/(steps-1)))).then(answer).then(function(s){if(s&&now.id===mine)sweep=s;return s})}
    say('Hiding each part in turn\\u2026');ask(7).then(function(s){if(!s)return null;say('Move over the image; a finer grid follows.');return ask(13)}).then(function(s){if(s)say('Move over the image.')}).catch(function(e){if(now.id===mine)failed(e)})}
    function nearest(list,x){var best=0;list.forEach(function(v,k){if(Math.abs(v-x)<Math.abs(list[best]-x))best=k});return best}
    stage.addEventListener('mousemove',function(e){if(!sweep||!one('#hiding').checked)return;
    var r=seen.getBoundingClientRect(),x=(e.clientX-r.left)/r.width*now.columns-sweep.size/2,y=(e.clientY-r.top)/r.height*now.rows-sweep.size/2,
    i=nearest(sweep.rows,y),j=nearest(sweep.columns,x);square.hidden=false;
    mark(square,{top:sweep.rows[i],left:sweep.columns[j],bottom:sweep.rows[i]+sweep.size,right:sweep.columns[j]+sweep.size});
    classes(sweep.classes.map(function(c){return c.probability[i][j]}))});
    stage.addEventListener('mouseleave',function(){square.hidden=true;if(now)classes()});
    stage.addEventListener('click',function(e){if(!now||!unit)return;var l=layer(),r=seen.getBoundingClientRect();
    carry({unit:unit.unit},[Math.min(l.rows-1,Math.max(0,Math.floor((e.clientY-r.top)/r.height*l.rows))),Math.min(l.columns-1,Math.max(0,Math.floor((e.clientX-r.left)/r.width*l.columns)))])});
    stage.addEventListener('keydown',function(e){var d={ArrowUp:[-1,0],ArrowDown:[1,0],ArrowLeft:[0,-1],ArrowRight:[0,1]}[e.key],l;
    if(!d||!now||!unit)return;e.preventDefault();l=layer();
    carry({unit:unit.unit},[Math.min(l.rows-1,Math.max(0,place[0]+d[0])),Math.min(l.columns-1,Math.max(0,place[1]+d[1]))])});
    one('#hiding').addEventListener('change',function(){square.hidden=true;if(this.checked&&!sweep)hide();else if(now)classes()});
    document.addEventListener('keydown',function(e){if(e.key==='o'&&!e.altKey&&!e.ctrlKey&&!e.metaKey&&!(keys&&keys.open)&&!/^(INPUT|SELECT)$/.test(e.target.tagName))one('#hiding').click()});
    document.addEventListener('keydown',function(e){if(e.altKey||e.ctrlKey||e.metaKey||(keys&&keys.open)||/^(INPUT|SELECT)$/.test(e.target.tagName))return;
    var rule=rules[+e.key-1],step={'[':-1,']':1}[e.key],next=step&&choice.options[choice.selectedIndex+step];
    if(rule){live.dataset.rule=rule;if(unit)carry(unit,place)}
    if(next){choice.value=next.value;if(now)list()}});
    choice.addEventListener('change',function(){if(now)list()});choice.value=choice.options[choice.options.length-1].value;
    one('#file').addEventListener('change',function(){if(this.files[0])give(this.files[0])});
    var well=one('#well');
    ['dragover','dragenter'].forEach(function(n){document.addEventListener(n,function(e){e.preventDefault();well.classList.add('over')})});
    document.addEventListener('dragleave',function(){well.classList.remove('over')});
    document.addEventListener('drop',function(e){e.preventDefault();well.classList.remove('over');if(e.dataTransfer.files[0])give(e.dataTransfer.files[0])});
    document.addEventListener('paste',function(e){var f=e.clipboardData&&e.clipboardData.files[0];if(f)give(f)});
    one('#webcam').addEventListener('click',function(){var b=this;
    if(stream){stream.getTracks().forEach(function(t){t.stop()});stream=null;b.textContent='Camera';return}
    navigator.mediaDevices.getUserMedia({video:{width:320}}).then(function(s){stream=s;b.textContent='Stop the camera';
    var v=make('video');v.srcObject=s;v.muted=true;v.play();
    (function next(){if(!stream)return;if(!v.videoWidth)return setTimeout(next,50);
    var c=make('canvas');c.width=v.videoWidth;c.height=v.videoHeight;c.getContext('2d').drawImage(v,0,0);
    c.toBlob(function(blob){give(blob,true).then(next,next)},'image/jpeg',.85)})()},function(){say('The browser gives no camera.')})})}
    })();

    """
}
